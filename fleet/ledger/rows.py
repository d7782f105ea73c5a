"""From entries to rows: what is inserted where, for a whole batch at once.

Owns: how each entry is spelt in the tables. Must not know: connections, files. The same entries give the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import Executable, Table, bindparam, func
from sqlalchemy.dialects.sqlite import insert

from fleet.ledger import schema
from fleet.ledger.entries import (
    ConfigTaken,
    Entry,
    Equity,
    FundingRead,
    Incident,
    ListRead,
    Marked,
    OrderChanged,
    Recording,
    RunStopped,
    Traded,
)

Row = dict[str, Any]


@dataclass(slots=True)
class Drawn:
    """The statements of a batch, and what the trade and funding lists are read to once they are carried out."""

    statements: list[tuple[Executable, list[Row]]] = field(default_factory=list[tuple[Executable, list[Row]]])
    reads: dict[str, int] = field(default_factory=dict[str, int])
    funding_read_ms: int | None = None
    oldest_ms: int | None = None
    newest_us: int = 0
    """Of the changes of orders."""


def draw(batch: Iterable[Entry], account: int, run: int, reads: Mapping[str, int]) -> Drawn:
    """`reads`: how far each symbol's trade list was read before. One that does not join on to that moves nothing."""
    found: dict[str, list[Row]] = {}
    drawn = Drawn()

    def add(name: str, row: Row) -> None:
        found.setdefault(name, []).append(row)

    for entry in batch:
        match entry:
            case Traded(fill=fill):
                add("fills", {"account": account, "run": run, **_fill(entry)})
                drawn.oldest_ms = min(fill.exchange_ms, drawn.oldest_ms or fill.exchange_ms)
            case ListRead(symbol, after, to):
                known = drawn.reads.get(symbol, reads.get(symbol, 0))
                if after <= known <= to:
                    drawn.reads[symbol] = to
            case OrderChanged():
                state = _order_state(entry)
                drawn.newest_us = entry.at_us
                add("orders", {"account": account, "run": run, **state, **_order(entry)})
                add("order_changes", {"account": account, **state, "at_us": entry.at_us})
            case Marked(symbol, trade_id, horizon_s, mid):
                row = {"symbol": symbol, "trade_id": trade_id, "horizon_s": horizon_s, "mid": text(mid)}
                add("markouts", {"account": account, **row})
            case FundingRead(payments, to_ms):
                drawn.funding_read_ms = to_ms
                for payment in payments:
                    row = {
                        "payment_id": payment.payment_id,
                        "exchange_ms": payment.exchange_ms,
                        "symbol": payment.symbol,
                        "amount": text(payment.amount),
                        "asset": payment.asset,
                    }
                    add("funding", {"account": account, **row})
            case Equity(at_ms, wallet, unrealised, holdings):
                at: Row = {"account": account, "at_ms": at_ms}
                add("equity", {**at, "wallet": text(wallet), "unrealised": text(unrealised)})
                for each in holdings:
                    mark = None if each.mark is None else text(each.mark)
                    held = {"quantity": text(each.quantity), "entry_price": text(each.entry_price), "mark": mark}
                    add("holdings", {**at, "symbol": each.symbol, **held, "as_of_ms": each.as_of_ms})
            case ConfigTaken(at_ms, version, digest, config):
                add("configs", {"run": run, "at_ms": at_ms, "version": version, "digest": digest, "config": config})
            case Incident(at_ms, kind, told, symbol, recording):
                row = {"run": run, "at_ms": at_ms, "kind": kind, "symbol": symbol}
                add("incidents", {**row, **_recorded(told, recording)})
            case RunStopped(at_ms, is_clean):
                add("stops", {"the_run": run, "stopped_ms": at_ms, "is_clean": is_clean})
    # Fills before what says that they are there, in one transaction though it is.
    drawn.statements = [(_STATEMENTS[name], rows) for name, rows in found.items()]
    if drawn.reads:
        listed = [{"account": account, "symbol": symbol, "read_to": to} for symbol, to in drawn.reads.items()]
        drawn.statements.append((_STATEMENTS["trade_lists"], listed))
    if drawn.funding_read_ms is not None:
        drawn.statements.append((_STATEMENTS["funding_lists"], [{"the_account": account, "ms": drawn.funding_read_ms}]))
    return drawn


def text(money: Decimal) -> str:
    return f"{money:f}"


def _fill(entry: Traded) -> Row:
    instrument, fill, ticker = entry.instrument, entry.fill, entry.ticker
    mid = None if ticker is None else text(instrument.mid(ticker))
    return {
        "symbol": fill.symbol,
        "trade_id": fill.trade_id,
        "exchange_ms": fill.exchange_ms,
        "order_id": fill.order_id,
        "client_id": fill.client_id,
        "side": fill.side.value,
        "price": instrument.price_text(fill.price_ticks),
        "quantity": instrument.quantity_text(fill.lots),
        "is_maker": fill.is_maker,
        "fee": text(fill.fee),
        "fee_asset": fill.fee_asset,
        "realised_pnl": text(fill.realised_pnl),
        "mid": mid,
        "mark": None if entry.mark is None else text(entry.mark),
    }


def _recorded(told: str, recording: Recording | None) -> Row:
    """What led up to an incident may hold anything a strategy thought of: that must not cost the incident itself."""
    try:
        return {"text": told, "recording": recording.packed() if recording else None}
    except Exception as error:  # noqa: BLE001 a strategy's own thoughts may fail to pack in any way
        return {"text": f"{told} (what led up to it could not be kept: {type(error).__name__})", "recording": None}


def _order_state(entry: OrderChanged) -> Row:
    order, instrument = entry.order, entry.instrument
    return {
        "client_id": order.client_id,
        "phase": order.phase.value,
        "price": instrument.price_text(order.price_ticks),
        "quantity": instrument.quantity_text(order.lots),
        "filled": instrument.quantity_text(max(order.filled_lots, order.seen_lots)),
        "status": None if order.status is None else order.status.value,
        "reason": order.reason,
    }


def _order(entry: OrderChanged) -> Row:
    order = entry.order
    return {
        "symbol": order.symbol,
        "side": order.side.value,
        "reduce_only": order.reduce_only,
        "order_id": order.order_id,
        "placed_us": order.placed_us,
        "changed_us": entry.at_us,
    }


def _once(table: Table) -> Executable:
    """What is there already stays."""
    return insert(table).on_conflict_do_nothing()


def _newest(table: Table, *columns: str) -> Executable:
    """What is there already takes the new values of these columns."""
    new = insert(table)
    return new.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_={name: new.excluded[name] for name in columns}
    )


def _fills() -> Executable:
    """A trade learnt from the list first, and told of by the line later, gets what only the line tells."""
    new, fills = insert(schema.fills), schema.fills
    told = {
        "client_id": func.max(fills.c.client_id, new.excluded.client_id),
        "mid": func.coalesce(fills.c.mid, new.excluded.mid),
        "mark": func.coalesce(fills.c.mark, new.excluded.mark),
    }
    return new.on_conflict_do_update(
        index_elements=list(fills.primary_key.columns), set_=told, where=fills.c.client_id == ""
    )


_STATEMENTS: dict[str, Executable] = {
    "fills": _fills(),
    "orders": _newest(
        schema.orders, "order_id", "price", "quantity", "filled", "phase", "status", "reason", "changed_us"
    ),
    "order_changes": schema.order_changes.insert(),
    "markouts": _once(schema.markouts),
    "funding": _once(schema.funding),
    "equity": _once(schema.equity),
    "holdings": _once(schema.holdings),
    "configs": schema.configs.insert(),
    "incidents": schema.incidents.insert(),
    "trade_lists": _newest(schema.trade_lists, "read_to"),
    "funding_lists": schema.accounts.update()
    .where(schema.accounts.c.id == bindparam("the_account"))
    .values(funding_read_ms=bindparam("ms")),
    "stops": schema.runs.update()
    .where(schema.runs.c.id == bindparam("the_run"))
    .values(stopped_ms=bindparam("stopped_ms"), is_clean=bindparam("is_clean")),
}
