"""Rows of who asks (docs: Authentication signature payload, V3 Nonce Mechanism; V1: SIGNED Endpoint Security).

Owns: those rows. Must not know: how they are played.
"""

from __future__ import annotations

from typing import Any

from conformance import docs_account as docs
from conformance import docs_market as market
from conformance.row import Row
from conformance.shapes import MaybeEmpty
from conformance.signing import V1, V3, V3Of2025
from conformance.writing import OF_SYMBOL, ORDERS, PAPER, SIGNED, ask, limit, place, row

_V3 = "Authentication signature payload"
_NONCE = "V3 Nonce Mechanism"
_V1 = "SIGNED (TRADE and USER_DATA) Endpoint Security"
_TIMING = "Timing Security"
_NOOP = "Noop"
_BAD: dict[str, Any] = {"code": -1000, "msg": "Signature check failed"}
_EXPIRED: dict[str, Any] = {"code": -4225, "msg": "Nonce Expired"}

_VARIANTS: tuple[tuple[str, V3 | V3Of2025], ...] = (
    ("as the docs send it", V3()),
    ("parameters sorted", V3(sorts=True)),
    ("in the query string", V3(in_query=True)),
    ("signed before it was url-encoded", V3(signs_decoded=True)),
    ("without user", V3(has_user=False)),
    ("without 0x", V3(has_0x=False)),
    ("v as 0 or 1", V3(v_from_0=True)),
    ("with timestamp and recvWindow", V3(is_stamped=True)),
    ("as of 2025", V3Of2025()),
)

ROWS: tuple[Row, ...] = (
    *(
        row(_V3, f"{name}: {method}", ORDERS if method == "POST" else SIGNED, request)
        for name, auth in _VARIANTS
        for method, request in (
            ("GET", ask("GET", "openOrders", OF_SYMBOL, auth=auth, shape=MaybeEmpty([docs.QUERIED]))),
            ("POST", ask("POST", "order", limit("BUY", "-1%", newClientOrderId="a:b/c"), auth=auth, shape=docs.PLACED)),
        )
    ),
    row(
        _V3,
        "signer and user are one wallet",
        PAPER,
        ask("GET", "balance", auth=V3(is_self=True), by="somebody", shape=docs.BALANCE),
    ),
    row(
        _V3,
        "in the query of a DELETE",
        ORDERS,
        ask("DELETE", "allOpenOrders", OF_SYMBOL, auth=V3(in_query=True), shape=docs.CANCELLED_ALL),
    ),
    row(
        _V3,
        "in the body of a DELETE",
        ORDERS,
        ask("DELETE", "allOpenOrders", OF_SYMBOL, auth=V3(in_query=False), shape=docs.CANCELLED_ALL),
    ),
    row(
        _V3,
        "the chain id of testnet",
        PAPER,
        ask("GET", "balance", auth=V3(chain_id=714), shape=docs.BALANCE),
        settings={"chain_id": 714},
    ),
    row(_V3, "another chain's id", SIGNED, ask("GET", "balance", auth=V3(chain_id=1), **_BAD)),
    row(_V3, "another key", SIGNED, ask("GET", "balance", auth=V3(is_forged=True), **_BAD)),
    *(
        row(_V3, f"a signature that is {name}", SIGNED, ask("GET", "balance", auth=V3(signature=text), **_BAD))
        for name, text in (
            ("too short", "0x00"),
            ("of noughts", "0x" + "00" * 65),
            ("no hexadecimal", "0x" + "zz" * 65),
        )
    ),
    *(
        row(_V3, f"without {name}", SIGNED, ask("GET", "balance", auth=V3(leaves_out=name), code=-1102))
        for name in ("signer", "nonce", "signature")
    ),
    row(_V3, "unsigned", SIGNED, ask("GET", "balance", auth=None, code=-1102)),
    row(
        _V3,
        "an agent that another wallet has approved",
        PAPER,
        ask("GET", "balance", by="somebody"),
        ask("GET", "balance", auth=V3(user="0x" + "11" * 20), by="somebody", code=-1000, msg="No agent found"),
    ),
    row(
        _NONCE,
        "used twice",
        SIGNED,
        ask("GET", "balance"),
        ask("GET", "balance", auth=V3(repeats_nonce=True), **_EXPIRED),
    ),
    row(_NONCE, "11 s behind", SIGNED, ask("GET", "balance", auth=V3(nonce_shift_us=-11_000_000), **_EXPIRED)),
    row(_NONCE, "11 s ahead", SIGNED, ask("GET", "balance", auth=V3(nonce_shift_us=11_000_000), **_EXPIRED)),
    row(_NONCE, "9 s behind", PAPER, ask("GET", "balance", auth=V3(nonce_shift_us=-9_000_000))),
    row(
        _NONCE,
        "out of order within the newest hundred",
        PAPER,
        ask("GET", "balance"),
        ask("GET", "balance", auth=V3(nonce_shift_us=-1_000_000)),
    ),
    row(
        _NONCE,
        "below the newest hundred",
        PAPER,
        ask("GET", "openOrder", OF_SYMBOL, times=101, code=-1102),
        ask("GET", "balance", auth=V3(nonce_shift_us=-5_000_000), **_EXPIRED),
    ),
    row(_NONCE, "no number", SIGNED, ask("GET", "balance", auth=V3(nonce_text="now"), code=-1102)),
    row(
        _NOOP,
        "what comes late with its nonce is not carried out",
        ORDERS,
        ask("POST", "noop", shape=market.SUCCESS),
        ask("POST", "order", limit("BUY", "-1%"), auth=V3(repeats_nonce=True), **_EXPIRED),
        ask("GET", "openOrders", OF_SYMBOL, where={"#": 0}),
    ),
    row(
        _V3,
        "a wallet that is not among the listed accounts",
        PAPER,
        ask("GET", "balance", code=-1000, msg="No agent found"),
        settings={"accounts": ()},
    ),
    row(_NOOP, "answers success", ORDERS, ask("POST", "noop", shape=market.SUCCESS)),
    *(
        row(_V1, name, ORDERS, ask("POST", "/fapi/v1/order", limit("BUY", "-1%"), auth=auth, shape=docs.PLACED))
        for name, auth in (
            ("as a query string", V1()),
            ("as a request body", V1(in_body=True)),
            ("mixed, without & between them", V1(is_mixed=True)),
            ("a signature in upper case", V1(is_upper=True)),
        )
    ),
    row(_V1, "a wrong secret", SIGNED, ask("GET", "/fapi/v2/balance", auth=V1(is_forged=True), code=-1022)),
    row(_V1, "an unknown key", SIGNED, ask("GET", "/fapi/v2/balance", auth=V1(key="x" * 64), status=401, code=-2015)),
    row(
        _V1,
        "a key of the wrong form",
        SIGNED,
        ask("GET", "/fapi/v2/balance", auth=V1(key="a key"), status=401, code=-2014),
    ),
    row(
        _V1, "without a signature", SIGNED, ask("GET", "/fapi/v2/balance", auth=V1(leaves_out="signature"), code=-1102)
    ),
    row(
        _TIMING,
        "without a timestamp",
        SIGNED,
        ask("GET", "/fapi/v2/balance", auth=V1(leaves_out="timestamp"), code=-1102),
    ),
    row(
        _TIMING,
        "6 s old, with the window of 5 s",
        SIGNED,
        ask("GET", "/fapi/v2/balance", auth=V1(shift_ms=-6000), code=-1021),
    ),
    row(
        _TIMING,
        "6 s old, with a window of 10 s",
        SIGNED,
        ask("GET", "/fapi/v2/balance", auth=V1(shift_ms=-6000, recv_window=10_000), shape=docs.BALANCE),
    ),
    row(_TIMING, "2 s ahead", SIGNED, ask("GET", "/fapi/v2/balance", auth=V1(shift_ms=2000), code=-1021)),
    row(
        _TIMING,
        "half a second ahead",
        SIGNED,
        ask("GET", "/fapi/v2/balance", auth=V1(shift_ms=500), shape=docs.BALANCE),
    ),
    row(
        "General Information on Endpoints",
        "query and body together",
        ORDERS,
        place(limit("BUY", "-1%")),
        ask(
            "DELETE",
            "/fapi/v1/order",
            OF_SYMBOL | {"orderId": "<order.orderId>"},
            auth=V1(is_mixed=True),
            where={"status": "CANCELED"},
        ),
    ),
)
