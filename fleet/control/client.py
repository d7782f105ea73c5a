"""A command to a running fleet, as another process of the same owner gives it.

Owns: the request, and telling a fleet that refuses from one that hangs or is gone. Must not know: any command.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from fleet.control.commands import TOKEN_HEADER
from fleet.runtime.beside import RunFile

T = TypeVar("T")

ALIVE_WITHIN_S = 2.0
DONE_WITHIN_S = 75.0
"""Longer than the fleet takes to cancel, and to close after that."""


class Silent(Exception):
    """Nobody answers as the fleet would: it hangs, it is gone, somebody else has its port, or it is no fleet yet, or no
    more."""


class Refused(Exception):
    """The fleet says no, in words."""


def told_by_fleet(run_file: RunFile, path: str, wish: Mapping[str, str | None], answer: type[T]) -> T:
    """Raises Silent and Refused."""
    try:
        # The kernel takes connections for an event loop that hangs: first it must show that it lives.
        status, body = _request(run_file, "GET", "/healthz", b"", ALIVE_WITHIN_S)
        if status == 200:
            status, body = _request(run_file, "POST", path, msgspec.json.encode(wish), DONE_WITHIN_S)
    except (OSError, http.client.HTTPException) as error:
        raise Silent(str(error) or type(error).__name__) from None
    try:
        if status == 400:
            raise Refused(msgspec.json.decode(body, type=dict[str, str])["error"])
        if status == 503:
            raise Silent(msgspec.json.decode(body, type=dict[str, str])["error"])
        if status == 200:
            return msgspec.json.decode(body, type=answer)
    except (msgspec.DecodeError, KeyError):
        pass
    raise Silent(f"something else answers at {run_file.url}: HTTP {status}")


def _request(run_file: RunFile, method: str, path: str, body: bytes, timeout_s: float) -> tuple[int, bytes]:
    # Not through a proxy, whatever the environment says.
    connection = http.client.HTTPConnection(urlsplit(run_file.url).netloc, timeout=timeout_s)
    try:
        connection.request(method, path, body, {TOKEN_HEADER: run_file.token, "Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
