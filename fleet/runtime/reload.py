"""Watches the fleet file: a save, SIGHUP or a ConfigMap's symlink swap makes the running fleet match it.

Owns: noticing that the file's content changed. Must not know: what is in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import anyio

POLL_S = 0.25
"""The content is compared, not the file's times: a symlink swap, a network disk and every editor look alike to that."""


async def watch(path: Path, digest: str, reload: Callable[[], None]) -> None:
    """Calls `reload` whenever the content differs from what was last loaded, and has not changed for one poll more:
    a file that is still being written is not read. `digest` is that of the content the fleet was started with."""
    loaded = last = digest
    while True:
        await anyio.sleep(POLL_S)
        now = digest_of(path)
        if now == last and now != loaded:
            loaded = now
            reload()
        last = now


def digest_of(path: Path) -> str:
    """As config.loader's `text_digest`; of a file that cannot be read, a word that no digest equals."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "unreadable"
