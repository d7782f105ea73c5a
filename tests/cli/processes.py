"""The program as real processes over loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = [sys.executable, "-c", "from fleet.cli.main import main; main(prog_name='astermm-fleet')"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("API", "ASTERMM_"))}


def start(*arguments: str, cwd: Path | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=cwd,
        env=ENVIRONMENT,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def end(process: subprocess.Popen[str], within_s: float = 30) -> tuple[int, str, str]:
    """Waits for its end: exit code, stdout, stderr."""
    try:
        out, err = process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"did not end in {within_s} s; it said {out!r} and {err!r}") from None
    return process.returncode, out, err


def run(*arguments: str, cwd: Path | None = None, within_s: float = 30) -> tuple[int, str, str]:
    return end(start(*arguments, cwd=cwd), within_s)


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str], within_s: float = 20) -> None:
    """Fails when the process ends first, or the time is over."""
    deadline = time.monotonic() + within_s
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise AssertionError(f"it did not come to that; it said {process.communicate()}")
        time.sleep(0.02)


@contextmanager
def paper(*arguments: str) -> Generator[dict[str, Any]]:
    """A paper exchange on a free port, and what it says of itself."""
    process = start("paper", "--port", "0", "--json", "--for", "120s", *arguments)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        code, _, err = end(process)
    assert (code, err) == (0, "")
