"""The venue over both kinds of real market: a random client's books still balance, and it sees the same twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from still_market import START_US, SYMBOL, Bench

from exchange.model import Instrument, PositionSide
from exchange.paper.calibration import parameters_for
from exchange.paper.instruments import instrument
from exchange.paper.market import Market
from exchange.paper.markets import replay_markets
from exchange.paper.synthetic import SyntheticMarket

RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "aster-2025-09-29"
ASTER = instrument(SYMBOL)


def synthetic(seed: int) -> Callable[[Instrument, int], Market]:
    return lambda each, now_us: SyntheticMarket(each, parameters_for(each), seed, now_us)


def recorded(seed: int) -> Callable[[Instrument, int], Market]:
    if not RECORDED.exists():
        pytest.skip("the recorded data are not on this machine")
    return lambda each, now_us: replay_markets(RECORDED, [each], now_us)[each.symbol]


def conditional(bench: Bench, rng: random.Random, side: str, ticks: int) -> None:
    kind = rng.choice(("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"))
    terms = {"callbackRate": "0.1"} if kind == "TRAILING_STOP_MARKET" else {"stopPrice": ASTER.price_text(ticks)}
    terms |= {"pegPriceType": rng.choice(("QUEUE_1", "COUNTERPARTY_1"))} if kind in ("STOP", "TAKE_PROFIT") else {}
    working_type = rng.choice(("MARK_PRICE", "CONTRACT_PRICE"))
    quantity = f"{rng.randint(5, 50)}"
    bench.ask(
        "POST", "order", symbol=SYMBOL, side=side, type=kind, quantity=quantity, workingType=working_type, **terms
    )


def session(bench: Bench, seed: int, seconds: int) -> list[bytes]:
    """A client that does random things; everything it gets to see."""
    rng = random.Random(seed)
    seen: list[bytes] = []
    bench.listen("asterusdt@bookTicker", "asterusdt@depth5@100ms", "asterusdt@aggTrade", "!markPrice@arr@1s")
    bench.user_line()
    account, orders = bench.books, bench.venue.engine.orders
    for _ in range(seconds * 2):
        bench.wait(0.5)
        bid, ask = bench.venue.engine.listing(SYMBOL).touch()
        assert bid is not None
        assert ask is not None
        side = rng.choice(("BUY", "SELL"))
        ticks = (bid if side == "BUY" else ask)[0] + rng.randint(-4, 4)
        tif = rng.choice(("GTX", "GTX", "GTC", "IOC", "FOK", "HIDDEN", "RPI"))
        reduce_only = rng.random() < 0.4
        before = account.position_lots(SYMBOL)
        bench.order(
            side, ASTER.price_text(ticks), f"{rng.randint(5, 50)}", tif, reduceOnly=str(reduce_only).lower(),
            stpMode=rng.choice(("EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")),
        )  # fmt: skip
        waits = any(order.is_waiting for order in orders.open_orders(account, SYMBOL))
        if rng.random() < 0.2:
            conditional(bench, rng, side, ticks)
        if reduce_only and not waits:
            assert abs(account.position_lots(SYMBOL)) <= abs(before)
        if rng.random() < 0.1:
            seen.append(bench.send("DELETE", "/fapi/v3/allOpenOrders", {"symbol": SYMBOL}).body)
        for order in orders.open_orders(account, SYMBOL):
            if order.reduce_only and order.resting:
                assert order.left <= abs(account.position_lots(SYMBOL))
        seen += [push.text.encode() for push in bench.venue.take_pushes()]
    assert account.wallet == 10_000 + account.realised - account.fees + account.funding
    assert account.equity == account.wallet + account.unrealised
    holding = account.stakes[SYMBOL].holding(PositionSide.BOTH)
    assert any(trade.is_maker for trade in holding.stake.trades)
    assert any(not trade.is_maker for trade in holding.stake.trades)
    assert sum(trade.lots * trade.side.sign for trade in holding.stake.trades) == holding.lots
    kinds = {order.original_type for order in orders.all_orders(account, SYMBOL) if order.filled}
    assert len(kinds) > 1
    return seen


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("market", [synthetic, recorded])
def test_books_balance_and_the_same_calls_give_the_same_bytes(
    market: Callable[[int], Callable[[Instrument, int], Market]], seed: int
) -> None:
    first, second = (Bench(seed=seed, open_market=market(seed)) for _ in range(2))
    seen = session(first, seed, 90)
    assert len(seen) > 300
    assert seen == session(second, seed, 90)
    assert first.now_us == START_US + 90_000_000
