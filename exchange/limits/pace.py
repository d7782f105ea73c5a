"""Owns: when the paced lane of one limiter may go next. Must not know: clocks, costs, the other lanes.

A strict window alone lets a fleet that always wants more spend a minute's 1080 orders in 40 s and then stand still for
20 s, minute after minute: what was sent in a lump comes back in a lump. So the paced lane goes at the steadiest rate
that the window can carry: what is free, and what comes back over the coming window, spread evenly (Window.even_us).
From an empty window that is capacity over length; after 120 placements at once it is less, for one window, instead of
full speed and a standstill; after that every lump has been spread. Nothing is lost by it: what is not used now stays
free, and raises the rate.

Time in which the lane wanted nothing is saved up, to a quarter of a window's worth, for a volley at once.
"""

from __future__ import annotations

from exchange.limits.window import Window

_BLUR = 32
"""The rate is looked at anew this often in a window, and hitches shorter than that are let be. It costs a walk over the
window's entries, each time."""
_LONGEST_US = 2_000_000
_LONGEST_SHARES = 4
"""A token keeps the lane back no longer than this, or than so many times its even share where that is longer: what
frees the window ahead of time, an answer or a raised limit, must be noticed."""
_SAVED = 4
"""The part of a window's length that idle time is saved up to."""


class Pace:
    __slots__ = ("_even_us", "_known_until_us", "next_us")

    def __init__(self) -> None:
        self.next_us = -(1 << 62)
        """From when on the next take may be, as far as the pace goes."""
        self._even_us = 0
        self._known_until_us = 0

    def took(self, window: Window, count: int, keep: int) -> None:
        """`count` tokens of the window were taken at the time of its last `advance`."""
        now_us, length_us = window.now_us, window.length_us
        if now_us >= self._known_until_us:
            self._even_us = window.even_us(keep, length_us // _BLUR)
            self._known_until_us = now_us + length_us // _BLUR
        usable = max(1, window.capacity - keep)
        longest_us = min(length_us, max(_LONGEST_US, _LONGEST_SHARES * count * length_us // usable))
        step_us = min(count * self._even_us, longest_us)
        self.next_us = max(self.next_us, now_us - length_us // _SAVED) + step_us

    def changed(self) -> None:
        """The window is no longer what it was: a rate known for it is worth nothing."""
        self._known_until_us = 0

    def released(self, now_us: int) -> None:
        """A take was not sent: the next need not wait for it."""
        self.next_us = min(self.next_us, now_us)
