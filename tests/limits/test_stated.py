"""What a venue states as its limits, sense or not, and what is kept to."""

from __future__ import annotations

import pytest

from exchange.limits.stated import DOCUMENTED, sound_limits
from exchange.model import RateLimit

WEIGHT, MINUTE, BURST = DOCUMENTED
LOWERED = RateLimit("ORDERS", 60, 600)
HOUR = RateLimit("ORDERS", 3600, 9000)


@pytest.mark.parametrize(
    ("stated", "kept", "faults"),
    [
        pytest.param(DOCUMENTED, DOCUMENTED, [], id="as documented"),
        pytest.param([WEIGHT, LOWERED, BURST], [WEIGHT, LOWERED, BURST], [], id="lowered"),
        pytest.param([WEIGHT, MINUTE, BURST, HOUR], [WEIGHT, MINUTE, BURST, HOUR], [], id="one more"),
        pytest.param([WEIGHT, MINUTE], [WEIGHT, MINUTE], [], id="one of two is gone"),
        pytest.param([*DOCUMENTED, RateLimit("RAW_REQUESTS", 60, 5)], DOCUMENTED, [], id="another kind"),
        pytest.param([], DOCUMENTED, ["REQUEST_WEIGHT is", "ORDERS is"], id="none at all"),
        pytest.param([WEIGHT], DOCUMENTED, ["ORDERS is"], id="none of a kind"),
        pytest.param([WEIGHT, RateLimit("ORDERS", 60, 0), BURST], DOCUMENTED, ["ORDERS_1M"], id="zero"),
        pytest.param([WEIGHT, RateLimit("ORDERS", 60, -1), BURST], DOCUMENTED, ["ORDERS_1M"], id="negative"),
        pytest.param([WEIGHT, RateLimit("ORDERS", 60, 10**9), BURST], DOCUMENTED, ["ORDERS_1M"], id="absurd"),
        pytest.param([*DOCUMENTED, RateLimit("ORDERS", 3600, 0)], DOCUMENTED, ["ORDERS_60M"], id="zero, and new"),
        pytest.param([*DOCUMENTED, RateLimit("ORDERS", 0, 50)], DOCUMENTED, ["interval"], id="unknown interval"),
        pytest.param([*DOCUMENTED, RateLimit("ORDERS", -60, 50)], DOCUMENTED, ["interval"], id="negative interval"),
        pytest.param([*DOCUMENTED, RateLimit("ORDERS", 10**9, 50)], DOCUMENTED, ["interval"], id="a lifetime"),
        pytest.param([*DOCUMENTED, LOWERED], [WEIGHT, LOWERED, BURST], [], id="twice: the lower"),
        pytest.param([LOWERED, WEIGHT, MINUTE, BURST], [LOWERED, WEIGHT, BURST], [], id="twice, the lower first"),
    ],
)
def test_what_is_kept_to(stated: list[RateLimit], kept: list[RateLimit], faults: list[str]) -> None:
    limits, told = sound_limits(stated)
    assert sorted(limits, key=str) == sorted(kept, key=str)
    assert len(told) == len(faults)
    assert all(part in fault for part, fault in zip(faults, told, strict=True))


def test_what_makes_no_sense_is_what_it_was_and_not_what_is_documented() -> None:
    known = (WEIGHT, LOWERED)
    assert sound_limits([WEIGHT, RateLimit("ORDERS", 60, 0)], known)[0] == known
    assert sound_limits([WEIGHT], known)[0] == known
