"""The real symbols' trading rules, as package data, and exchangeInfo made of them.

Owns: `instruments.csv` (every symbol of the real exchangeInfo of 2026-01-12, its numbers as the exchange writes them),
such a table of an exchangeInfo of today, and the answer's real shape. Must not know: markets, prices, accounts.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import msgspec

from exchange.limits.stated import DOCUMENTED
from exchange.model import Instrument, RateLimit

REAL_LIMITS = DOCUMENTED

_ESTABLISHED_PERCENT = Decimal("2.5")
_FOREVER_MS = "4133404800000"

_SYMBOL_FIELDS = {
    "symbol": "symbol",
    "status": "status",
    "base": "baseAsset",
    "price_digits": "pricePrecision",
    "qty_digits": "quantityPrecision",
    "maint_percent": "maintMarginPercent",
    "margin_percent": "requiredMarginPercent",
    "trigger": "triggerProtect",
    "liquidation_fee": "liquidationFee",
    "take_bound": "marketTakeBound",
    "onboard_ms": "onboardDate",
    "delivery_ms": "deliveryDate",
}
FILTER_FIELDS = {
    "tick": ("PRICE_FILTER", "tickSize"),
    "min_price": ("PRICE_FILTER", "minPrice"),
    "max_price": ("PRICE_FILTER", "maxPrice"),
    "step": ("LOT_SIZE", "stepSize"),
    "min_qty": ("LOT_SIZE", "minQty"),
    "max_qty": ("LOT_SIZE", "maxQty"),
    "market_step": ("MARKET_LOT_SIZE", "stepSize"),
    "market_min_qty": ("MARKET_LOT_SIZE", "minQty"),
    "market_max_qty": ("MARKET_LOT_SIZE", "maxQty"),
    "max_orders": ("MAX_NUM_ORDERS", "limit"),
    "max_algo_orders": ("MAX_NUM_ALGO_ORDERS", "limit"),
    "min_notional": ("MIN_NOTIONAL", "notional"),
    "up": ("PERCENT_PRICE", "multiplierUp"),
    "down": ("PERCENT_PRICE", "multiplierDown"),
    "lt_up": ("PERCENT_PRICE", "ltMultiplierUp"),
    "lt_down": ("PERCENT_PRICE", "ltMultiplierDown"),
}
_DEFAULTS = {"delivery_ms": _FOREVER_MS, "max_orders": "200", "max_algo_orders": "10", "min_notional": "5"}
_SAME_AS = {"market_step": "step", "market_min_qty": "min_qty"}
"""An empty cell stands for the default, or for the other column's value."""


@dataclass(frozen=True, slots=True)
class Rules:
    """One symbol's rules beyond those that every user of an Instrument needs."""

    instrument: Instrument
    price_digits: int
    quantity_digits: int
    market_min_lots: int
    market_max_lots: int
    market_step_lots: int
    take_bound: Decimal
    """How far from the mark price a market order may trade, as a fraction."""
    trigger_protect: Decimal
    """How far last and mark price may be apart for a protected conditional order to trigger, as a fraction."""
    max_algo_orders: int
    liquidation_fee: Decimal
    """What a liquidation pays to the insurance fund, as a fraction of the notional closed."""
    tick_multiple: int = 1
    """Prices must be multiples of so many ticks: more than 1 where the tick size was raised in a running market."""
    lot_multiple: int = 1


@dataclass(frozen=True, eq=False)
class Table:
    """Every symbol of an exchange, in its order, with its numbers by column as the exchange writes them."""

    rows: Mapping[str, Mapping[str, str]]

    def trading(self) -> tuple[str, ...]:
        return tuple(symbol for symbol, row in self.rows.items() if row["status"] == "TRADING")


def table_of(exchange_info: Mapping[str, Any]) -> Table:
    """The contracts in USDT of an exchangeInfo answer; one whose filters are not all there is left out."""
    rows: dict[str, dict[str, str]] = {}
    for symbol in exchange_info["symbols"]:
        try:
            if (symbol["quoteAsset"], symbol["marginAsset"]) == ("USDT", "USDT"):
                rows[symbol["symbol"]] = _row(symbol)
        except KeyError:
            continue
    return Table(rows)


def _row(symbol: Mapping[str, Any]) -> dict[str, str]:
    filters: dict[str, dict[str, Any]] = {each["filterType"]: each for each in symbol["filters"]}
    row = {column: str(symbol[field]) for column, field in _SYMBOL_FIELDS.items()}
    return row | {column: str(filters[kind][field]) for column, (kind, field) in FILTER_FIELDS.items()}


def to_csv(exchange_info: Mapping[str, Any]) -> str:
    """The compact table of a real exchangeInfo answer: how `instruments.csv` was made."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [*_SYMBOL_FIELDS, *FILTER_FIELDS], lineterminator="\n")
    writer.writeheader()
    for symbol in exchange_info["symbols"]:
        row = _row(symbol)
        blank = {column for column, default in _DEFAULTS.items() if row[column] == default}
        blank |= {column for column, other in _SAME_AS.items() if row[column] == row[other]}
        writer.writerow({column: "" if column in blank else value for column, value in row.items()})
    return out.getvalue()


@cache
def real_table() -> Table:
    text = files("exchange.paper").joinpath("instruments.csv").read_text("utf-8")
    rows: dict[str, dict[str, str]] = {}
    for row in csv.DictReader(io.StringIO(text)):
        for column, default in _DEFAULTS.items():
            row[column] = row[column] or default
        for column, other in _SAME_AS.items():
            row[column] = row[column] or row[other]
        rows[row["symbol"]] = row
    return Table(rows)


def all_symbols() -> tuple[str, ...]:
    """Every symbol of the real exchange, whatever its status, in the exchange's order."""
    return tuple(real_table().rows)


def trading_symbols() -> tuple[str, ...]:
    return real_table().trading()


@cache
def is_established(symbol: str) -> bool:
    """Whether the real exchangeInfo gives it the lowest maintenance percentage; not one that is in none yet."""
    row = real_table().rows.get(symbol)
    return row is not None and Decimal(row["maint_percent"]) <= _ESTABLISHED_PERCENT


@cache
def rules(symbol: str) -> Rules:
    """KeyError for a symbol that the exchange does not have, ValueError for one that it has not priced yet."""
    return rules_of(symbol, real_table())


def rules_of(symbol: str, table: Table) -> Rules:
    """The same by another table."""
    row = table.rows[symbol]
    tick, step = Decimal(row["tick"]), Decimal(row["step"])
    if not tick or not step:
        raise ValueError(f"{symbol} has no tick or step size yet ({row['status']})")
    instrument = Instrument(
        symbol=symbol,
        base_asset=row["base"],
        quote_asset="USDT",
        margin_asset="USDT",
        status=row["status"],
        tick_size=tick,
        step_size=step,
        min_ticks=int(Decimal(row["min_price"]) / tick),
        max_ticks=int(Decimal(row["max_price"]) / tick),
        min_lots=int(Decimal(row["min_qty"]) / step),
        max_lots=int(Decimal(row["max_qty"]) / step),
        min_notional=Decimal(row["min_notional"]),
        percent_up=Decimal(row["up"]),
        percent_down=Decimal(row["down"]),
        max_open_orders=int(row["max_orders"]),
    )
    return Rules(
        instrument=instrument,
        price_digits=int(row["price_digits"]),
        quantity_digits=int(row["qty_digits"]),
        market_min_lots=int(Decimal(row["market_min_qty"]) / step),
        market_max_lots=int(Decimal(row["market_max_qty"]) / step),
        market_step_lots=max(1, int(Decimal(row["market_step"]) / step)),
        take_bound=Decimal(row["take_bound"]),
        trigger_protect=Decimal(row["trigger"]),
        max_algo_orders=int(row["max_algo_orders"]),
        liquidation_fee=Decimal(row["liquidation_fee"]),
    )


def instrument(symbol: str) -> Instrument:
    return rules(symbol).instrument


_ORDER_TYPES = ("LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
_TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX", "RPI", "HIDDEN")


def _symbol_json(row: Mapping[str, str]) -> dict[str, Any]:
    by_kind: dict[str, dict[str, Any]] = {}
    for column, (kind, field) in FILTER_FIELDS.items():
        value = int(row[column]) if field == "limit" else row[column]
        by_kind.setdefault(kind, {"filterType": kind})[field] = value
    by_kind["PERCENT_PRICE"]["multiplierDecimal"] = "4"
    return {
        "symbol": row["symbol"],
        "pair": row["symbol"],
        "contractType": "PERPETUAL",
        "deliveryDate": int(row["delivery_ms"]),
        "onboardDate": int(row["onboard_ms"]),
        "status": row["status"],
        "maintMarginPercent": row["maint_percent"],
        "requiredMarginPercent": row["margin_percent"],
        "baseAsset": row["base"],
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": int(row["price_digits"]),
        "quantityPrecision": int(row["qty_digits"]),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "settlePlan": 0,
        "triggerProtect": row["trigger"],
        "liquidationFee": row["liquidation_fee"],
        "marketTakeBound": row["take_bound"],
        "filters": list(by_kind.values()),
        "orderTypes": _ORDER_TYPES,
        "timeInForce": _TIMES_IN_FORCE,
    }


def limit_json(limit: RateLimit) -> dict[str, Any]:
    """A row of exchangeInfo's rateLimits."""
    in_minutes = limit.interval_s % 60 == 0
    return {
        "rateLimitType": limit.kind,
        "interval": "MINUTE" if in_minutes else "SECOND",
        "intervalNum": limit.interval_s // 60 if in_minutes else limit.interval_s,
        "limit": limit.limit,
    }


_Cells = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@lru_cache(maxsize=16)
def _info_tail(
    symbols: tuple[str, ...], limits: tuple[RateLimit, ...], assets: tuple[str, ...], table: Table, changes: _Cells
) -> bytes:
    changed = {symbol: dict(cells) for symbol, cells in changes}
    body = {
        "futuresType": "U_MARGINED",
        "rateLimits": [limit_json(limit) for limit in limits],
        "exchangeFilters": [],
        "assets": [{"asset": asset, "marginAvailable": True, "autoAssetExchange": "-10000"} for asset in assets],
        "symbols": [_symbol_json({**table.rows[symbol], **changed.get(symbol, {})}) for symbol in symbols],
    }
    return msgspec.json.encode(body)[1:]


def exchange_info(
    symbols: Iterable[str],
    limits: Sequence[RateLimit],
    assets: Iterable[str],
    now_ms: int,
    table: Table | None = None,
    changes: Mapping[str, Mapping[str, str]] | None = None,
) -> bytes:
    """The body of `GET exchangeInfo` (docs: Exchange Information); all but the time is encoded once.

    `changes` are cells that differ from the table's, by symbol and column.
    """
    cells = tuple((symbol, tuple(row.items())) for symbol, row in (changes or {}).items())
    tail = _info_tail(tuple(symbols), tuple(limits), tuple(assets), table or real_table(), cells)
    return b'{"timezone":"UTC","serverTime":%d,' % now_ms + tail
