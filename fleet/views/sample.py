"""A fleet in the middle of its day, made up: what the picture in the README shows, and what tests look at.

Owns: representative values, each phase and both long and short among them. Must not know: a running fleet.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from fleet.control.state import (
    NOMINAL_BELOW,
    BudgetState,
    EventLine,
    FleetState,
    LimiterState,
    Phase,
    QuoteState,
    StreamState,
    SymbolState,
)

STARTED_MS = 1_767_600_000_000
NOW_MS = STARTED_MS + 761_000
BPS = Decimal("0.0001")
PER_MINUTE = 1231


def _symbol(
    name: str,
    mid: str,
    decimals: int,
    spread_bps: int,
    *,
    phase: Phase = Phase.QUOTING,
    reason: str = "",
    position: str = "0",
    realised: str = "0",
    unrealised: str = "0",
    fills: int = 0,
    requests: int = 0,
    restarts: int = 0,
    per_minute: int = 0,
    stretch: float = 1.0,
    error_bps: float | None = None,
) -> SymbolState:
    middle = Decimal(mid)
    held = Decimal(position)
    phase = Phase.REDUCING if held else phase
    tick = Decimal(1).scaleb(-decimals)
    size = (Decimal(400) / middle).quantize(tick if decimals < 4 else Decimal(1))

    def quote(sign: int) -> QuoteState | None:
        if phase not in (Phase.QUOTING, Phase.REDUCING) or held * sign > 0:
            return None
        price = (middle * (1 - sign * spread_bps * BPS)).quantize(tick)
        distance_bps = float(abs(price - middle) / middle / BPS)
        return QuoteState(price, abs(held) or size, distance_bps, reduce_only=bool(held))

    return SymbolState(
        symbol=name,
        strategy="ping_pong",
        phase=phase,
        reason=reason,
        price_decimals=decimals,
        mid=middle,
        mark=middle,
        bid=quote(1),
        ask=quote(-1),
        position=held,
        position_usd=(held * middle).quantize(Decimal("0.01")),
        entry_price=middle if held else Decimal(0),
        realised_pnl=Decimal(realised),
        unrealised_pnl=Decimal(unrealised),
        fees=(400 * fills * BPS).quantize(Decimal("0.0001")),
        volume_usd=Decimal(400 * fills),
        fills=fills,
        round_trips=fills // 2,
        placed=2 * fills + 4,
        amended=requests // 2,
        cancelled=fills,
        rejected=0,
        expired=fills // 5,
        restarts=restarts,
        requests=requests,
        requests_per_minute=per_minute,
        share=per_minute / PER_MINUTE,
        waiting=int(stretch >= NOMINAL_BELOW),
        stretch=stretch,
        error_bps=error_bps,
    )


def sample_state() -> FleetState:
    symbols = (
        _symbol(
            "ASTERUSDT",
            "0.67125",
            4,
            20,
            position="612",
            realised="4.1180",
            unrealised="0.3120",
            fills=61,
            requests=884,
            per_minute=187,
            stretch=1.3,
            error_bps=1.4,
        ),
        _symbol(
            "BTCUSDT",
            "91844.05",
            1,
            6,
            realised="7.4021",
            fills=38,
            requests=702,
            per_minute=152,
            stretch=1.1,
            error_bps=0.2,
        ),
        _symbol(
            "ETHUSDT",
            "3133.415",
            2,
            8,
            position="-0.128",
            realised="3.0562",
            unrealised="-0.8417",
            fills=44,
            requests=731,
            per_minute=168,
            stretch=1.2,
            error_bps=0.6,
        ),
        _symbol(
            "SOLUSDT",
            "138.725",
            2,
            10,
            position="2.91",
            realised="-1.2044",
            unrealised="0.4190",
            fills=29,
            requests=640,
            per_minute=141,
            stretch=1.5,
            error_bps=2.2,
        ),
        _symbol(
            "BNBUSDT",
            "893.145",
            2,
            12,
            realised="1.9310",
            fills=18,
            requests=455,
            per_minute=118,
            stretch=1.2,
            error_bps=0.4,
        ),
        _symbol(
            "HYPEUSDT",
            "25.6165",
            3,
            15,
            position="-15.61",
            realised="2.2700",
            unrealised="-0.1530",
            fills=23,
            requests=512,
            per_minute=159,
            stretch=1.8,
            error_bps=3.1,
        ),
        _symbol(
            "DOGEUSDT",
            "0.150275",
            5,
            14,
            realised="0.8804",
            fills=12,
            requests=398,
            per_minute=104,
            stretch=1.3,
            error_bps=1.1,
        ),
        _symbol(
            "XRPUSDT",
            "2.12565",
            4,
            9,
            realised="1.0127",
            fills=16,
            requests=420,
            per_minute=117,
            stretch=1.2,
            error_bps=0.9,
        ),
        _symbol(
            "ZECUSDT",
            "512.365",
            2,
            25,
            phase=Phase.STALE,
            reason="no book update for 3.2 s",
            realised="0.5510",
            fills=7,
            requests=211,
            per_minute=67,
        ),
        _symbol(
            "1000SHIBUSDT",
            "0.0087415",
            6,
            22,
            phase=Phase.BACKOFF,
            reason="crashed; next try in 4 s",
            realised="-0.2210",
            fills=4,
            requests=96,
            per_minute=6,
            restarts=2,
        ),
    )
    realised = sum((s.realised_pnl for s in symbols), Decimal(0))
    unrealised = sum((s.unrealised_pnl for s in symbols), Decimal(0))
    fees = sum((s.fees for s in symbols), Decimal(0))
    wallet = 10_000 + realised - fees
    return FleetState(
        fleet="tokyo-1",
        venue="paper",
        live=False,
        started_ms=STARTED_MS,
        now_ms=NOW_MS,
        config_version=3,
        equity=wallet + unrealised,
        wallet=wallet,
        realised_pnl=realised,
        unrealised_pnl=unrealised,
        fees=fees,
        limiters=(
            LimiterState("REQUEST_WEIGHT_1M", used=1388, capacity=2160, limit=2400, peak=1604),
            LimiterState("ORDERS_1M", used=1076, capacity=1080, limit=1200, peak=1080),
            LimiterState("ORDERS_10S", used=181, capacity=270, limit=300, peak=262),
        ),
        budget=BudgetState(
            stretch=1.26,
            mean_stretch=1.17,
            waiting=8,
            by_class={"cancel": 143, "reduce": 166, "quote": 178, "amend": 732, "query": 12},
            totals={"cancel": 1604, "reduce": 2011, "quote": 2190, "amend": 8912, "query": 146},
            withdrawn=418,
            mean_error_bps=1.2,
            worst_error_bps=3.1,
            worst_error_symbol="HYPEUSDT",
        ),
        streams=(
            StreamState("market", True, STARTED_MS + 240, lag_ms=14, reconnects=0, subscribed=22),
            StreamState("account", True, STARTED_MS + 310, lag_ms=9, reconnects=1, subscribed=1),
        ),
        symbols=symbols,
        events=(
            EventLine(NOW_MS - 92_400, "INFO", None, "fleet file changed: version 3 applied, 1 worker changed"),
            EventLine(NOW_MS - 41_120, "INFO", "ASTERUSDT", "bought 612 at 0.6699: reducing"),
            EventLine(NOW_MS - 17_850, "INFO", "BTCUSDT", "sold 0.004 at 91899.1: flat, +0.2204"),
            EventLine(NOW_MS - 9_300, "WARNING", "ZECUSDT", "no book update for 3.2 s: quotes pulled"),
            EventLine(NOW_MS - 4_010, "ERROR", "1000SHIBUSDT", "worker crashed, orders cancelled; next try in 4 s"),
            EventLine(NOW_MS - 1_220, "INFO", "ETHUSDT", "sold 0.128 at 3135.92: reducing"),
        ),
        reloads_applied=2,
        first_quote_ms=870,
        instruments_loaded=True,
        loop_lag_ms=0.6,
        ledger_waiting=4,
    )


def crowded_state(count: int) -> FleetState:
    """The same fleet with `count` symbols, busier ones spread among them, that want more than they may."""
    few = sample_state()
    of_each = len(few.symbols) / max(count, 1)
    many = tuple(_crowded(few.symbols[n % len(few.symbols)], n, of_each) for n in range(count))
    limiters = tuple(replace(limiter, used=limiter.capacity, peak=limiter.capacity) for limiter in few.limiters)
    budget = replace(
        few.budget,
        stretch=9.0,
        mean_stretch=7.8,
        waiting=count,
        by_class={"cancel": 95, "reduce": 214, "quote": 158, "amend": 613, "query": 71},
        withdrawn=21_480,
        mean_error_bps=18.4,
        worst_error_bps=37.5,
        worst_error_symbol="COIN110USDT",
        missing_quotes=count // 50,
    )
    return replace(few, symbols=many, limiters=limiters, budget=budget)


def _crowded(symbol: SymbolState, n: int, of_each: float) -> SymbolState:
    return replace(
        symbol,
        symbol=f"COIN{n}USDT",
        fills=(n * 37) % 101,
        share=symbol.share * of_each,
        stretch=3.0 + (n * 7) % 13,
        error_bps=None if symbol.error_bps is None else 1.5 + (n * 11) % 37,
        missing_quotes=int(n % 50 == 4),
    )
