"""How many nonces of one signer may be on their way at once.

Owns: who waits, and in which order. Must not know: nonces themselves, requests, the gate.

The venue keeps a signer's 100 most recent nonces, and refuses one below them all (docs: V3 Nonce Mechanism): a request
that a hundred later ones overtake dies of -4225. So none is signed while one is out that it would be the hundredth to
overtake, nor while a hundred are out.
"""

from __future__ import annotations

import math

import anyio

SIZE = 100
_PATIENCE_S = 2.0
"""A request out for longer holds up no others for its order's sake: it has arrived, or is lost, or too old to want."""


class NonceWindow:
    """`enter` before signing, `leave` when the answer is there or given up: first in, first out."""

    def __init__(self, size: int = SIZE, patience_s: float = _PATIENCE_S) -> None:
        self._size = size
        self._patience_s = patience_s
        self._entered_at: dict[int, float] = {}
        self._next = 0
        # Without a needless turn of the loop where nobody is waiting.
        self._turn = anyio.Lock(fast_acquire=True)
        self._left = anyio.Event()

    @property
    def in_flight(self) -> int:
        return len(self._entered_at)

    async def enter(self) -> int:
        """A place, to be given back by `leave`."""
        async with self._turn:
            while (room_at := self._room_at(anyio.current_time())) > anyio.current_time():
                self._left = anyio.Event()
                with anyio.CancelScope(deadline=room_at):
                    await self._left.wait()
            place = self._next
            self._next += 1
            self._entered_at[place] = anyio.current_time()
            return place

    def leave(self, place: int) -> None:
        del self._entered_at[place]
        self._left.set()

    def _room_at(self, now: float) -> float:
        """The time from which one more may enter if nobody leaves."""
        if len(self._entered_at) >= self._size:
            return math.inf
        # In the order of entering: the first that is not out of patience is the one that must not be overtaken.
        for place, entered_at in self._entered_at.items():
            if self._next - place < self._size:
                break
            if entered_at + self._patience_s > now:
                return entered_at + self._patience_s
        return now
