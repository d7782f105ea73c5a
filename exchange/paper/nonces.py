"""Which nonces of a signer are still good (docs: V3 Nonce Mechanism).

Owns: the window, uniqueness, the hundred most recent. Must not know: requests, signatures.
"""

from __future__ import annotations

import bisect

SLACK_US = 10_000_000
"""How far from the server's time a nonce may be."""
_KEPT = 100


class Nonces:
    """The most recent nonces of one signer.

    The docs say that each user has its list; clients number for each signer, and are given no cause to fail here. A
    nonce is used up whatever becomes of its request: that is how a noop overtakes a request that is still on its way.
    """

    def __init__(self) -> None:
        self._kept: list[int] = []

    def accept(self, nonce: int, now_us: int) -> bool:
        if abs(now_us - nonce) > SLACK_US:
            return False
        kept = self._kept
        place = bisect.bisect_left(kept, nonce)
        if place < len(kept) and kept[place] == nonce:
            return False
        if len(kept) >= _KEPT:
            if place == 0:
                return False
            del kept[0]
            place -= 1
        kept.insert(place, nonce)
        return True
