"""Requests that keep a trader from harm: countdown, self-trade prevention, market maker protection.

Owns: their parameters and answers (docs: Auto-Cancel All Open Orders, Change STP Mode, Update User MMP and theirs).
Must not know: how any of them is carried out, weights, signatures.
"""

from __future__ import annotations

from collections.abc import Callable

from exchange.paper.accounts import Account
from exchange.paper.answers import Params, Refusal, required, whole_number
from exchange.paper.engine import Engine
from exchange.paper.entry import parse_stp_mode
from exchange.paper.mmp import MmpLimits
from exchange.paper.register import Key
from exchange.paper.rest_market import Answer
from exchange.protocol import codes, endpoints, payloads
from exchange.protocol.endpoints import Endpoint

_TRUE = b"true"
_SUCCESS = payloads.ErrorBody(200, "success")


def countdown_cancel_all(engine: Engine, account: Account, params: Params) -> Answer:
    listing = engine.listing(required(params, "symbol"))
    countdown_ms = whole_number(params, "countdownTime")
    engine.countdowns.start(account, listing, countdown_ms, engine.now_us)
    return payloads.CountdownBody(listing.symbol, str(countdown_ms))


def set_stp_mode(engine: Engine, account: Account, params: Params) -> Answer:
    """For the orders to come."""
    account.stp_mode = parse_stp_mode(required(params, "stpMode"))
    return _SUCCESS


def get_stp_mode(engine: Engine, account: Account, params: Params) -> Answer:
    return payloads.StpModeBody(account.stp_mode.value)


def set_mmp(engine: Engine, account: Account, params: Params) -> Answer:
    key = _key(engine, account, params)
    limits = MmpLimits(
        window_ms=whole_number(params, "windowTimeInMilliseconds"),
        frozen_ms=whole_number(params, "frozenTimeInMilliseconds"),
        quantity=whole_number(params, "qtyLimit", 0),
        value=whole_number(params, "valueLimit", 0),
        delta=whole_number(params, "deltaLimit", 0),
    )
    if not limits.window_ms:
        message = "Data sent for parameter 'windowTimeInMilliseconds' is not valid."
        raise Refusal(codes.INVALID_PARAMETER, message)
    engine.orders.protections.set(key, limits)
    return _TRUE


def get_mmp(engine: Engine, account: Account, params: Params) -> Answer:
    symbol = engine.listing(params["symbol"]).symbol if params.get("symbol") else None
    return [
        payloads.MmpRow(
            symbol=each,
            window_time_in_milliseconds=limits.window_ms,
            frozen_time_in_milliseconds=limits.frozen_ms,
            qty_limit=limits.quantity,
            value_limit=limits.value,
            delta_limit=limits.delta,
        )
        for each, limits in engine.orders.protections.limits(account.address, symbol).items()
    ]


def delete_mmp(engine: Engine, account: Account, params: Params) -> Answer:
    engine.orders.protections.drop(_key(engine, account, params))
    return _TRUE


def reset_mmp(engine: Engine, account: Account, params: Params) -> Answer:
    engine.orders.protections.reset(_key(engine, account, params))
    return _TRUE


def _key(engine: Engine, account: Account, params: Params) -> Key:
    return account.address, engine.listing(required(params, "symbol")).symbol


HANDLERS: dict[Endpoint, Callable[[Engine, Account, Params], Answer]] = {
    endpoints.COUNTDOWN_CANCEL_ALL: countdown_cancel_all,
    endpoints.SET_STP_MODE: set_stp_mode,
    endpoints.GET_STP_MODE: get_stp_mode,
    endpoints.SET_MMP: set_mmp,
    endpoints.GET_MMP: get_mmp,
    endpoints.DELETE_MMP: delete_mmp,
    endpoints.RESET_MMP: reset_mmp,
}
