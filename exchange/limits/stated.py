"""Owns: which of the limits that a venue states can be meant, and what holds instead of those that cannot.

Must not know: budgets, exchangeInfo's JSON. Nothing that a venue states, or leaves out, makes sending unlimited: where
it makes no sense, the last figure that did goes on.
"""

from __future__ import annotations

from collections.abc import Sequence

from exchange.model import RateLimit

KINDS = ("REQUEST_WEIGHT", "ORDERS")
"""Those that count requests; a limiter of another kind is not ours to count."""
DOCUMENTED = (
    RateLimit("REQUEST_WEIGHT", 60, 2400),
    RateLimit("ORDERS", 60, 1200),
    RateLimit("ORDERS", 10, 300),
)
"""What the real exchange has always stated: it holds until a venue says otherwise."""

_LONGEST_S = 7 * 86400
_MOST_A_SECOND = 100_000
"""Above it a limit limits nothing: a slip, or a joke."""


def sound_limits(
    stated: Sequence[RateLimit], known: Sequence[RateLimit] = DOCUMENTED
) -> tuple[tuple[RateLimit, ...], tuple[str, ...]]:
    """The limits to keep to, and a sentence for each thing that is wrong with those stated.

    One that makes no sense is what it was in `known`, or is left out when it was not there; of one stated twice the
    lower counts. A kind of which none is left is as it was. One that is stated no more, while others of its kind are,
    is gone. An interval of 0 is one that nobody here knows.
    """
    before = {limit.name: limit for limit in known}
    found: dict[str, RateLimit] = {}
    faults: list[str] = []
    for limit in stated:
        if limit.kind not in KINDS:
            continue
        if not 1 <= limit.interval_s <= _LONGEST_S:
            faults.append(f"a limit of {limit.limit} {limit.kind} is stated for an interval that is not known")
            continue
        if not 1 <= limit.limit <= _MOST_A_SECOND * limit.interval_s:
            kept = before.get(limit.name)
            goes_on = f"kept at {kept.limit}" if kept else "left out"
            faults.append(f"{limit.name} is stated as {limit.limit}, which makes no sense: {goes_on}")
            if kept is None:
                continue
            limit = kept
        other = found.get(limit.name)
        if other is None or limit.limit < other.limit:
            found[limit.name] = limit
    for kind in KINDS:
        if not any(limit.kind == kind for limit in found.values()):
            kept = [limit for limit in known if limit.kind == kind]
            figures = ", ".join(f"{limit.limit} in {limit.interval_s} s" for limit in kept) or "none"
            faults.append(f"no usable limit of {kind} is stated: kept to {figures}")
            found |= {limit.name: limit for limit in kept}
    return tuple(found.values()), tuple(faults)
