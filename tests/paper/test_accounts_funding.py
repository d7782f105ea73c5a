"""When and at what rate symbols are funded."""

from __future__ import annotations

from decimal import Decimal

import pytest
from still_market import START_US, SYMBOL

from exchange.paper.config import PaperSettings
from exchange.paper.funding import Funding

HOUR_US = 3_600_000_000


def funding(symbol: str = "BTCUSDT", rate: str | None = None, interval_s: int | None = None) -> Funding:
    constant = Decimal(rate) if rate else None
    settings = PaperSettings(symbols=(symbol,), funding_rate=constant, funding_interval_s=interval_s)
    return Funding(symbol, settings, START_US)


@pytest.mark.parametrize(
    ("symbol", "override_s", "interval_s", "interest", "cap"),
    [
        ("BTCUSDT", None, 8 * 3600, "0.0001", "0.03"),
        (SYMBOL, None, 4 * 3600, "0.00005", "0.02"),
        ("BTCUSDT", 3600, 3600, "0.0000125", "0.02"),
    ],
)
def test_each_symbol_has_its_interval(
    symbol: str, override_s: int | None, interval_s: int, interest: str, cap: str
) -> None:
    found = funding(symbol, interval_s=override_s)
    assert (found.interval_s, found.interest, found.cap) == (interval_s, Decimal(interest), Decimal(cap))
    assert found.next_us % (interval_s * 1_000_000) == 0
    assert 0 < found.next_us - START_US <= interval_s * 1_000_000


@pytest.mark.parametrize(
    ("symbol", "marks", "rate"),
    [
        # Index 100. A premium within 0.05 % of the interest leaves the interest; beyond it pulls the rate along.
        ("BTCUSDT", ["100"], "0.0001"),
        ("BTCUSDT", ["100.05"], "0.0001"),
        ("BTCUSDT", ["100.1"], "0.0005"),
        ("BTCUSDT", ["99.9"], "-0.0005"),
        ("BTCUSDT", ["100.2", "100"], "0.0005"),
        ("BTCUSDT", ["110"], "0.03"),
        ("BTCUSDT", ["90"], "-0.03"),
        # Half the interval, half the rate.
        (SYMBOL, ["100"], "0.00005"),
        (SYMBOL, ["100.1"], "0.00025"),
        (SYMBOL, ["110"], "0.02"),
    ],
)
def test_the_rate_follows_the_mean_premium_within_bounds(symbol: str, marks: list[str], rate: str) -> None:
    found = funding(symbol)
    for mark in marks:
        found.sample(Decimal(mark), Decimal(100))
    assert found.rate == Decimal(rate)


def test_a_settled_interval_is_remembered_and_the_next_begins_anew() -> None:
    found = funding()
    due_us = found.next_us
    found.sample(Decimal("100.1"), Decimal(100))
    assert found.settle(Decimal("100.1"), due_us) == Decimal("0.0005")
    assert (found.rate, found.next_us) == (Decimal("0.0001"), due_us + 8 * HOUR_US)
    (event,) = found.history
    assert (event.time_ms, event.rate, event.mark) == (due_us // 1000, Decimal("0.0005"), Decimal("100.1"))


def test_a_constant_rate_is_what_the_settings_say() -> None:
    found = funding(rate="-0.001")
    found.sample(Decimal(110), Decimal(100))
    assert found.rate == Decimal("-0.001")
