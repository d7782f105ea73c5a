"""Which of a plan's requests go together: cancels, ten for the weight of one. Placements never do.

Owns: the grouping. Must not know: why anything is cancelled, who sends it. docs/decisions/0010-batches.md has the sums.
"""

from __future__ import annotations

from collections.abc import Sequence

from exchange.model import Cancel
from fleet.orders.plan import Change

MOST_TOGETHER = 10
"""Orders that one request cancels (docs: Cancel Multiple Orders)."""


def together(changes: Sequence[Change]) -> list[tuple[Change, ...]]:
    """The same changes, all of one symbol, in requests. Cancels go where the first of them stood."""
    cancels = [change for change in changes if isinstance(change.action, Cancel)]
    requests = [tuple(cancels[start : start + MOST_TOGETHER]) for start in range(0, len(cancels), MOST_TOGETHER)]
    others = [(change,) for change in changes if not isinstance(change.action, Cancel)]
    first = next((at for at, change in enumerate(changes) if isinstance(change.action, Cancel)), 0)
    return [*others[:first], *requests, *others[first:]]
