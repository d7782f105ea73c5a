"""Something to wait for until it is rung or a time has come: what most of this system's waits are.

Owns: one waiter's wait. Must not know: what for. An anyio.Event within anyio.move_on_after does the same for several
times the price, and such a wait is taken for every event of every market (`make bench`).
"""

from __future__ import annotations

import asyncio

from anyio.lowlevel import checkpoint


class Bell:
    """For one waiter at a time; who rings does so on the event loop's thread."""

    def __init__(self) -> None:
        self._is_rung = False
        self._waiter: asyncio.Future[None] | None = None

    def ring(self) -> None:
        self._is_rung = True
        self._release()

    def hush(self) -> None:
        """What was rung so far counts no more."""
        self._is_rung = False

    async def wait(self, timeout_s: float | None = None) -> None:
        """Until it is rung, or was since `hush`, and at most for so long."""
        if self._is_rung or (timeout_s is not None and timeout_s <= 0):
            await checkpoint()
            return
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = None if timeout_s is None else loop.call_at(loop.time() + timeout_s, self._release)
        try:
            await self._waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def _release(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
