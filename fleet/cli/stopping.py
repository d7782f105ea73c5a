"""The end of commands that run until they are told: Ctrl-C, SIGTERM, or the time that `--for` gives them.

All three are good ends: whoever needs to clean up does so as it is cancelled, and the exit code is 0.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import click
from anyio.abc import TaskStatus

from fleet.cli.options import DURATION

for_duration = click.option("--for", "stop_after_s", type=DURATION, help="Stop by itself after this long: 30s, 5m.")


@asynccontextmanager
async def until_told(stop_after_s: float | None) -> AsyncGenerator[None]:
    """Cancels its body at the first signal, or when the time is over."""
    async with anyio.create_task_group() as tasks:
        await tasks.start(_cancel_on_signal, tasks.cancel_scope)
        with anyio.move_on_after(stop_after_s):
            yield
        tasks.cancel_scope.cancel()


async def _cancel_on_signal(scope: anyio.CancelScope, *, task_status: TaskStatus[None]) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()
            return
