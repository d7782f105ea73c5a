"""Symbols' rules while the exchange runs: a status or a filter changes under everybody's feet.

Owns: which changes there can be, and the rules as they are now. Must not know: orders, markets, HTTP.

The grid on which a market runs stays as it is: a new tick or step size is a whole multiple of it, and orders that stand
between the new ticks stay where they are. The docs say nothing of orders under changed filters; the family this API
follows leaves them alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from exchange.paper.instruments import FILTER_FIELDS, Rules, Table, rules_of

STATUSES = ("PENDING_TRADING", "TRADING", "PRE_SETTLE", "SETTLING", "CLOSE")

Filters = Mapping[str, Mapping[str, str | int]]
"""As exchangeInfo has them: {"PRICE_FILTER": {"tickSize": "0.01"}}."""


class RuleBook:
    def __init__(self, table: Table) -> None:
        self._table = table
        self.changes: dict[str, dict[str, str]] = {}
        """By symbol, the cells of its row in the table of instruments that are no longer what they were."""
        self._changed: dict[str, Rules] = {}

    def rules(self, symbol: str) -> Rules:
        """KeyError for a symbol that the exchange does not have, ValueError for one that it has not priced yet."""
        return self._changed.get(symbol) or rules_of(symbol, self._table)

    def change(self, symbol: str, status: str | None, filters: Filters) -> Rules:
        """The symbol's rules from now on. Raises as above, and ValueError for a change that cannot be."""
        base = rules_of(symbol, self._table)
        cells = dict(self.changes.get(symbol, {}))
        if status is not None:
            if status not in STATUSES:
                raise ValueError(f"{status} is no status; there are {', '.join(STATUSES)}")
            cells["status"] = status
        for kind, fields in filters.items():
            for name, value in fields.items():
                cells[_column(kind, name)] = _number(f"{kind}.{name}", value)
        _check_order({**self._table.rows[symbol], **cells})
        changed = _with_cells(base, {**self._table.rows[symbol], **cells})
        self.changes[symbol] = cells
        self._changed[symbol] = changed
        return changed


def _column(kind: str, name: str) -> str:
    for column, place in FILTER_FIELDS.items():
        if place == (kind, name):
            return column
    known = ", ".join(f"{filter_kind}.{field}" for filter_kind, field in FILTER_FIELDS.values())
    raise ValueError(f"{kind}.{name} is no filter; there are {known}")


def _number(what: str, value: str | int) -> str:
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not 0 <= number <= 10**15:
        raise ValueError(f"{what} {value} is no number from 0 on")
    if what.endswith(".limit") and number != int(number):
        raise ValueError(f"{what} {value} is no whole number")
    return f"{number:f}"


_ORDERED = (("min_price", "max_price"), ("min_qty", "max_qty"), ("market_min_qty", "market_max_qty"), ("down", "up"))


def _check_order(row: Mapping[str, str]) -> None:
    for low, high in _ORDERED:
        # A highest price of 0 is none.
        is_open = high == "max_price" and not Decimal(row[high])
        if Decimal(row[low]) > Decimal(row[high]) and not is_open:
            kind, name = FILTER_FIELDS[low]
            raise ValueError(f"{kind}.{name} {row[low]} is above {FILTER_FIELDS[high][1]} {row[high]}")
    if not Decimal(row["up"]):
        raise ValueError("PERCENT_PRICE.multiplierUp 0 lets no price be")


def _with_cells(base: Rules, row: Mapping[str, str]) -> Rules:
    instrument = base.instrument
    tick, step = Decimal(row["tick"]), Decimal(row["step"])
    if not tick or not step:
        raise ValueError("a tick or step size of 0 is none")
    changed = replace(
        instrument,
        status=row["status"],
        min_ticks=int(Decimal(row["min_price"]) / instrument.tick_size),
        max_ticks=int(Decimal(row["max_price"]) / instrument.tick_size),
        min_lots=int(Decimal(row["min_qty"]) / instrument.step_size),
        max_lots=int(Decimal(row["max_qty"]) / instrument.step_size),
        min_notional=Decimal(row["min_notional"]),
        percent_up=Decimal(row["up"]),
        percent_down=Decimal(row["down"]),
        max_open_orders=int(row["max_orders"]),
    )
    # Raises ValueError, in words for people, where the running market has no such grid.
    tick_multiple, lot_multiple = instrument.ticks(tick), instrument.lots(step)
    return replace(
        base,
        instrument=changed,
        market_min_lots=int(Decimal(row["market_min_qty"]) / instrument.step_size),
        market_max_lots=int(Decimal(row["market_max_qty"]) / instrument.step_size),
        market_step_lots=max(1, int(Decimal(row["market_step"]) / instrument.step_size)),
        max_algo_orders=int(row["max_algo_orders"]),
        tick_multiple=tick_multiple,
        lot_multiple=lot_multiple,
    )
