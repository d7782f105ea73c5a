"""Short ways to write rows.

Owns: the symbol, and how requests that come again and again are written. Must not know: how they are played.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from conformance.row import Actor, Call, Dial, Expect, Hear, Mark, Needs, OnPaper, Row, Step
from conformance.signing import V1, V3, Auth

PUBLIC, SIGNED, ORDERS, PAPER = Needs.PUBLIC, Needs.SIGNED, Needs.ORDERS, Needs.PAPER
SYMBOL = "ASTERUSDT"
LOWER = "asterusdt"
OF_SYMBOL = {"symbol": SYMBOL}
NO_SYMBOL = {"symbol": "NOSUCHUSDT"}

_V3 = V3()


def row(section: str, name: str, needs: Needs, *steps: Step, **more: Any) -> Row:
    return Row(section=section, name=name, needs=needs, steps=steps, **more)


def public(
    path: str, params: Mapping[str, Any] | None = None, *, keep: str = "", times: int = 1, **expect: Any
) -> Call:
    return Call("GET", path, params or {}, Expect(**expect), auth=None, keep=keep, times=times)


def ask(
    method: str,
    path: str,
    params: Mapping[str, Any] | None = None,
    *,
    by: Actor = "us",
    auth: Auth | None = _V3,
    keep: str = "",
    times: int = 1,
    **expect: Any,
) -> Call:
    return Call(method, path, params or {}, Expect(**expect), auth=auth, by=by, keep=keep, times=times)


def hear(match: Mapping[str, Any] | None = None, *, line: str = "line", keep: str = "", **expect: Any) -> Hear:
    return Hear(match=match or {}, expect=Expect(**expect), line=line, keep=keep)


def on_paper(*steps: Step) -> OnPaper:
    return OnPaper(steps)


def limit(side: str, price: str, quantity: str = "10", tif: str = "GTC", /, **more: Any) -> dict[str, Any]:
    """A limit order's parameters; `price` is its distance from the mark price."""
    price = f"<mark{price}>" if price.endswith("%") else price
    fields = {"symbol": SYMBOL, "side": side, "type": "LIMIT", "timeInForce": tif, "quantity": quantity, "price": price}
    return {name: value for name, value in (fields | more).items() if value is not None}


def order(side: str, kind: str, quantity: str | None = "10", /, **more: Any) -> dict[str, Any]:
    fields = {"symbol": SYMBOL, "side": side, "type": kind, "quantity": quantity}
    return {name: value for name, value in (fields | more).items() if value is not None}


def place(params: Mapping[str, Any], *, by: Actor = "us", keep: str = "order", **expect: Any) -> Call:
    return ask("POST", "order", params, by=by, keep=keep, **expect)


def quoted(side: str, price: str, quantity: str = "10", **more: Any) -> Call:
    """Somebody else rests an order."""
    return place(limit(side, price, quantity, **more), by="somebody", keep="theirs")


def bought(quantity: str = "10", price: str = "+0.05%", side: str = "BUY", **more: Any) -> tuple[Step, ...]:
    """We take from somebody else: a position, a fill, a fee."""
    other = "SELL" if side == "BUY" else "BUY"
    return quoted(other, price, quantity), place(limit(side, price, quantity, "IOC", **more), keep="bought")


TRADED: tuple[Step, ...] = (
    quoted("SELL", "+0.05%", "10"),
    place(limit("BUY", "+0.05%", "4", "IOC"), keep="first"),
    quoted("BUY", "-0.05%", "10"),
    place(limit("SELL", "-0.05%", "3", "IOC"), keep="second"),
)
"""A market with a book and two trades: 4 were bought at 2.0010, 3 sold at 1.9990."""


LIQUIDATED: tuple[Step, ...] = (
    ask("POST", "leverage", OF_SYMBOL | {"leverage": 4}),
    quoted("SELL", "+0.05%", "15000"),
    place(limit("BUY", "+0.05%", "15000", "IOC")),
    quoted("BUY", "-4%", "15000"),
    Mark("0.67"),
)
"""A position of ours that its margin does not bear; the venue closes it within a second."""


def listening(*more: Step) -> tuple[Step, ...]:
    """A user stream of ours, on the line of that name."""
    return (ask("POST", "listenKey", keep="key"), Dial("/ws/<key.listenKey>", "user"), *more)


def in_v1(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """The same rows as an HMAC key's owner asks them (V1 docs: /fapi/v1 mirrors /fapi/v3)."""
    return tuple(
        replace(each, name=f"{each.name} (v1)", steps=tuple(_in_v1(step) for step in each.steps)) for each in rows
    )


def _in_v1(step: Step) -> Step:
    if not isinstance(step, Call) or step.by != "us" or step.path.startswith("/"):
        return step
    return replace(step, path=f"/fapi/v1/{step.path}", auth=None if step.auth is None else V1())
