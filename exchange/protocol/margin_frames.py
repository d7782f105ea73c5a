"""Frames that tell of margin running out (docs: Liquidation Order Streams, Event: Margin Call).

Owns and must not know: as frames.
"""

from __future__ import annotations

from msgspec import Struct


class ForceOrder(
    Struct,
    rename={
        "symbol": "s",
        "side": "S",
        "type": "o",
        "time_in_force": "f",
        "qty": "q",
        "price": "p",
        "average_price": "ap",
        "status": "X",
        "last_qty": "l",
        "filled_qty": "z",
        "trade_ms": "T",
    },
):
    symbol: str
    side: str
    type: str
    time_in_force: str
    qty: str
    price: str
    average_price: str
    status: str
    last_qty: str
    filled_qty: str
    trade_ms: int


class ForceOrderFrame(Struct, tag_field="e", tag="forceOrder", rename={"event_ms": "E", "order": "o"}):
    event_ms: int
    order: ForceOrder


class CalledPosition(
    Struct,
    rename={
        "symbol": "s",
        "position_side": "ps",
        "amount": "pa",
        "margin_type": "mt",
        "isolated_wallet": "iw",
        "mark": "mp",
        "unrealised_pnl": "up",
        "maintenance": "mm",
    },
):
    symbol: str
    position_side: str
    amount: str
    margin_type: str
    """CROSSED or ISOLATED: unlike that of ACCOUNT_UPDATE."""
    isolated_wallet: str
    mark: str
    unrealised_pnl: str
    maintenance: str


class MarginCallFrame(
    Struct,
    tag_field="e",
    tag="MARGIN_CALL",
    rename={"event_ms": "E", "cross_wallet": "cw", "positions": "p"},
    omit_defaults=True,
):
    event_ms: int
    positions: list[CalledPosition]
    cross_wallet: str = ""
    """Left out where the positions are isolated."""
