"""What a market looks like in numbers: the same measurement of a synthetic and of a recorded one.

Owns: the measures that calibration.csv is fitted by. Must not know: which kind of market it looks at.
Both functions advance the market they are given; distances and moves are in basis points of mid, sizes in quote
currency.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from exchange.model import Side
from exchange.paper.market import Market, Trade

_SAMPLE_US = 250_000
_DEPTH = 10
_MARKOUT_S = 5


@dataclass(frozen=True, slots=True)
class MarketStatistics:
    spread_ticks: float
    """Mean."""
    touch_usd: float
    """Median size at a best price."""
    depth_usd: float
    """Median size of ten levels of one side."""
    depth_bps: float
    """Median distance of the tenth level."""
    volatility_1s: float
    """Standard deviation of mid's moves over a second, and over twenty."""
    volatility_20s: float
    trades_per_s: float
    trade_usd: float
    """Median; a tenth of the trades are larger than `large_trade_usd`."""
    large_trade_usd: float


def observe(market: Market, start_us: int, seconds: int) -> MarketStatistics:
    """Watches a market from `start_us` on, or until it ends. ValueError when nothing traded."""
    instrument = market.instrument
    trades: list[Trade] = []
    spreads: list[int] = []
    touches: list[float] = []
    depths: list[float] = []
    distances: list[float] = []
    mids: list[float] = []
    now_us = start_us
    while now_us < start_us + seconds * 1_000_000 and market.next_us() is not None:
        now_us += _SAMPLE_US
        market.advance(now_us, trades.append)
        bids, asks = market.levels(Side.BUY, _DEPTH), market.levels(Side.SELL, _DEPTH)
        if not bids or not asks:
            continue
        mid = (bids[0][0] + asks[0][0]) / 2
        mids.append(mid)
        spreads.append(asks[0][0] - bids[0][0])
        for levels in (bids, asks):
            touches.append(float(instrument.notional(*levels[0])))
            depths.append(sum(float(instrument.notional(*level)) for level in levels))
            distances.append(abs(levels[-1][0] - mid) / mid * 1e4)
    if len(trades) < 2:
        raise ValueError(f"{instrument.symbol}: too few trades to tell anything")
    sizes = sorted(float(instrument.notional(t.ticks, t.lots)) for t in trades)
    return MarketStatistics(
        spread_ticks=statistics.fmean(spreads),
        touch_usd=statistics.median(touches),
        depth_usd=statistics.median(depths),
        depth_bps=statistics.median(distances),
        volatility_1s=_volatility(mids, 1),
        volatility_20s=_volatility(mids, 20),
        trades_per_s=len(trades) / ((now_us - start_us) * 1e-6),
        trade_usd=statistics.median(sizes),
        large_trade_usd=sizes[len(sizes) * 9 // 10],
    )


def _volatility(mids: Sequence[float], seconds: int) -> float:
    """Over windows that overlap, a quarter of a second apart: short recordings have few others."""
    step = seconds * 1_000_000 // _SAMPLE_US
    return statistics.pstdev((b / a - 1) * 1e4 for a, b in zip(mids, mids[step:], strict=False))


@dataclass(frozen=True, slots=True)
class QuoteStatistics:
    fills_per_minute: float
    """Of both sides together."""
    markout_bps: float
    """Mean of what mid has moved in the maker's favour since the fill, five seconds later, distance included."""


def quote(market: Market, start_us: int, seconds: int, distance_bps: float, usd: float = 50.0) -> QuoteStatistics:
    """Quotes a small pair at a distance from mid, anew each second, and tells how often and how badly it is filled."""
    instrument = market.instrument
    ids = {Side.BUY: 1, Side.SELL: 2}
    filled: set[int] = set()

    def on_trade(trade: Trade) -> None:
        if trade.maker_order_id is not None:
            filled.add(trade.maker_order_id)

    prices: dict[int, int] = {}
    mids: list[float] = []
    fills: list[tuple[int, Side, int]] = []
    for second in range(seconds):
        if market.next_us() is None:
            break
        now_us = start_us + second * 1_000_000
        market.advance(now_us, on_trade)
        fills.extend((second, side, prices[ids[side]]) for side in ids if ids[side] in filled)
        filled.clear()
        for order_id in ids.values():
            market.remove(order_id)
        bid, ask = market.best_bid(), market.best_ask()
        if bid is None or ask is None:
            mids.append(mids[-1] if mids else 0.0)
            continue
        mid = (bid[0] + ask[0]) / 2
        mids.append(mid)
        for side, order_id in ids.items():
            wanted = mid * (1 - side.sign * distance_bps * 1e-4)
            ticks = int(wanted // 1) if side is Side.BUY else int(-(-wanted // 1))
            if not market.would_cross(side, ticks):
                lots = max(instrument.min_lots, int(usd / float(instrument.notional(ticks, 1))))
                market.rest(order_id, side, ticks, lots, now_us)
                prices[order_id] = ticks
    markouts = [
        (mids[second + _MARKOUT_S] - ticks) / ticks * 1e4 * side.sign
        for second, side, ticks in fills
        if second + _MARKOUT_S < len(mids)
    ]
    return QuoteStatistics(
        fills_per_minute=len(fills) * 60 / max(1, len(mids)),
        markout_bps=statistics.fmean(markouts) if markouts else 0.0,
    )
