"""Synthetic markets look like the recorded ones, measure by measure, within stated factors."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

import pytest

from exchange.model import Instrument
from exchange.paper.markets import replay_markets, synthetic_markets
from exchange.paper.statistics import observe

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "data"
TICKS_AND_LOTS = {
    "ASTERUSDT": ("0.0001", "0.01"),
    "BNBUSDT": ("0.1", "0.01"),
    "BTCUSDT": ("0.1", "0.001"),
    "ETHUSDT": ("0.1", "0.001"),
    "USD1USDT": ("0.0001", "1"),
}
FACTOR = 2.0
CALM = {"volatility_1s": 2.6, "volatility_20s": 2.6}
"""The recorded minutes of BTC and ETH were calmer than those markets are."""


def instrument(symbol: str) -> Instrument:
    tick, lot = TICKS_AND_LOTS[symbol]
    return Instrument(
        symbol, symbol[:-4], "USDT", "USDT", "TRADING", Decimal(tick), Decimal(lot), 1, 10**8, 1, 10**10,
        Decimal(5), Decimal("1.05"), Decimal("0.95"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("folder", "symbol", "factors"),
    [
        ("aster-2025-09-29", "ASTERUSDT", {}),
        ("aster-2025-09-24", "ASTERUSDT", {}),
        ("aster-2025-09-29", "BNBUSDT", {}),
        ("aster-2025-09-24", "BTCUSDT", CALM),
        ("aster-2025-09-24", "ETHUSDT", CALM),
        # A dozen large trades make this recording: its sizes tell nothing. The other has ordinary ones.
        ("aster-2025-09-29", "USD1USDT", {"volatility_20s": 2.6}),
    ],
)
def test_synthetic_markets_resemble_the_recorded(folder: str, symbol: str, factors: dict[str, float]) -> None:
    if not (RECORDINGS / folder).is_dir():
        pytest.skip("the recorded markets are not here")
    of = instrument(symbol)
    recorded = asdict(observe(replay_markets(RECORDINGS / folder, [of], 0)[symbol], 0, 10_000))
    synthetic = asdict(observe(synthetic_markets([of], 7, 0)[symbol], 0, 1_800))
    far_off = {
        name: (synthetic[name], value)
        for name, value in recorded.items()
        if not 1 / factors.get(name, FACTOR) < synthetic[name] / value < factors.get(name, FACTOR)
    }
    assert far_off == {}
