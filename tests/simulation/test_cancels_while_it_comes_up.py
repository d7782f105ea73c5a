"""While a fleet comes up that wants all there is, a cancel leaves at once: heartbeats and quotes leave its part alone."""

from __future__ import annotations

import anyio
import pytest

from exchange.paper.instruments import trading_symbols
from exchange.ports import Cost, RequestClass
from fleet.config.loader import parse
from fleet.simulation.scenario import Running, simulate

SYMBOLS = [symbol for symbol in trading_symbols() if symbol.endswith("USDT")]


@pytest.mark.parametrize("symbols", [12, 40])
def test_a_cancel_waits_for_no_heartbeat(symbols: int) -> None:
    """A fifth of the limits for a fifth of 60 symbols, and of 200."""
    config = parse(
        f"""
fleet: many
venue: paper
budget: {{safety: 0.18}}
defaults: {{buy_spread: 20bps, sell_spread: 20bps, balance_fraction: {0.9 / symbols:.6f}, refresh_interval: 300ms,
  price_change_threshold: 0.1bps}}
paper: {{balance: {{USDT: {1000 * symbols}}}}}
symbols: {{{", ".join(f"{symbol}: {{}}" for symbol in SYMBOLS[:symbols])}}}
""",
        "fleet.yaml",
        {},
    ).config
    waits_us: list[int] = []

    async def cancel_again_and_again(running: Running) -> None:
        gate, clock = running.fleet.venue.gate, running.fleet.venue.clock
        while True:
            asked_us = clock.steady_us()
            gate.release(await gate.admit(RequestClass.CANCEL, Cost(weight=1)))
            waits_us.append(clock.steady_us() - asked_us)
            await anyio.sleep(0.25)

    outcome = simulate(config, 1, 90, script=cancel_again_and_again)
    assert outcome.state.http_429 == 0
    assert max(waits_us) <= 10_000
    assert len(waits_us) > 200
