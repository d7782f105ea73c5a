"""Error codes of the venue (docs: Error Codes), and what each means to a caller.

Owns: the way from an answer to exchange.errors. Must not know: how an answer came, nor what is done about it.
"""

from __future__ import annotations

from exchange.errors import (
    BadCredentials,
    Banned,
    InsufficientMargin,
    OutcomeUnknown,
    Rejected,
    Throttled,
    Unavailable,
    UnknownOrder,
    VenueError,
    WouldCross,
)

UNKNOWN = -1000
DISCONNECTED = -1001
UNAUTHORIZED = -1002
TOO_MANY_REQUESTS = -1003
UNEXPECTED_RESP = -1006
TIMEOUT = -1007
NON_WHITE_LIST = -1011
TOO_MANY_ORDERS = -1015
SERVICE_SHUTTING_DOWN = -1016
UNSUPPORTED_OPERATION = -1020
INVALID_TIMESTAMP = -1021
INVALID_SIGNATURE = -1022
START_TIME_GREATER_THAN_END_TIME = -1023
TOO_MANY_PARAMETERS = -1101
MANDATORY_PARAM_EMPTY_OR_MALFORMED = -1102
PARAM_NOT_REQUIRED = -1106
BAD_PRECISION = -1111
NO_DEPTH = -1112
INVALID_TIF = -1115
INVALID_ORDER_TYPE = -1116
INVALID_SIDE = -1117
BAD_SYMBOL = -1121
INVALID_LISTEN_KEY = -1125
INVALID_PARAMETER = -1130
BAD_RECV_WINDOW = -1131
INVALID_NEW_ORDER_RESP_TYPE = -1136
NEW_ORDER_REJECTED = -2010
CANCEL_REJECTED = -2011
NO_SUCH_ORDER = -2013
BAD_API_KEY_FMT = -2014
REJECTED_MBX_KEY = -2015
BALANCE_NOT_SUFFICIENT = -2018
MARGIN_NOT_SUFFICIENT = -2019
UNABLE_TO_FILL = -2020
ORDER_WOULD_IMMEDIATELY_TRIGGER = -2021
REDUCE_ONLY_REJECT = -2022
MAX_OPEN_ORDER_EXCEEDED = -2025
MAX_LEVERAGE_RATIO = -2027
PRICE_LESS_THAN_ZERO = -4001
PRICE_GREATER_THAN_MAX_PRICE = -4002
QTY_LESS_THAN_ZERO = -4003
QTY_LESS_THAN_MIN_QTY = -4004
QTY_GREATER_THAN_MAX_QTY = -4005
STOP_PRICE_LESS_THAN_ZERO = -4006
STOP_PRICE_GREATER_THAN_MAX_PRICE = -4007
PRICE_LESS_THAN_MIN_PRICE = -4013
PRICE_NOT_INCREASED_BY_TICK_SIZE = -4014
INVALID_CL_ORD_ID_LEN = -4015
PRICE_HIGHER_THAN_MULTIPLIER_UP = -4016
INVALID_DEPTH_LIMIT = -4021
WRONG_MARKET_STATUS = -4022
QTY_NOT_INCREASED_BY_STEP_SIZE = -4023
PRICE_LOWER_THAN_MULTIPLIER_DOWN = -4024
INVALID_LEVERAGE = -4028
INVALID_WORKING_TYPE = -4031
EXCEED_MAX_CANCEL_ORDER_SIZE = -4032
MAX_STOP_ORDER_EXCEEDED = -4045
NO_NEED_TO_CHANGE_POSITION_SIDE = -4059
INVALID_POSITION_SIDE = -4060
POSITION_SIDE_NOT_MATCH = -4061
REDUCE_ONLY_CONFLICT = -4062
INVALID_BATCH_PLACE_ORDER_SIZE = -4082
NO_PLACE_ORDER_PERMISSION = -4088
DUPLICATED_CLIENT_ORDER_ID = -4116
CLOSE_POSITION_EXISTS = -4130
MARKET_ORDER_REJECT = -4131
INVALID_ACTIVATION_PRICE = -4135
CLOSE_POSITION_CONFLICT = -4136
QUANTITY_EXISTS_WITH_CLOSE_POSITION = -4137
REDUCE_ONLY_MUST_BE_TRUE = -4138
INVALID_OPENING_POSITION_STATUS = -4140
SYMBOL_ALREADY_CLOSED = -4141
MIN_NOTIONAL = -4164
INVALID_TIME_INTERVAL = -4165
PRICE_HIGHER_THAN_STOP_MULTIPLIER_UP = -4183
PRICE_LOWER_THAN_STOP_MULTIPLIER_DOWN = -4184
NONCE_EXPIRED = -4225
INVALID_PATH = -5000
FOK_REJECTED = -5021
POST_ONLY_REJECTED = -5022
MAX_AMENDMENTS_EXCEEDED = -5026
NOTHING_TO_AMEND = -5027
"""From -5021 on, and -5000, -4116, -4130, -4136, -1131 and -1021, are in no page of the docs: the exchange family this
API follows has them.
"""

SIGNATURE_CHECK_FAILED = "Signature check failed"
NO_AGENT_FOUND = "No agent found"
NONCE_EXPIRED_TEXT = "Nonce Expired"

_DEFAULT_PAUSE_S = 60.0
"""The longest window is a minute; after it a 429 without Retry-After is over."""
_DEFAULT_BAN_S = 120.0
"""The shortest ban (docs: IP Limits)."""

_UNKNOWN_OUTCOME = frozenset({UNEXPECTED_RESP, TIMEOUT})
_NOT_CARRIED_OUT = frozenset({DISCONNECTED, SERVICE_SHUTTING_DOWN, INVALID_TIMESTAMP, NONCE_EXPIRED})
_CREDENTIALS = frozenset({UNAUTHORIZED, INVALID_SIGNATURE, BAD_API_KEY_FMT, REJECTED_MBX_KEY, NON_WHITE_LIST})
_REJECTIONS: dict[int, type[Rejected]] = {
    CANCEL_REJECTED: UnknownOrder,
    NO_SUCH_ORDER: UnknownOrder,
    BALANCE_NOT_SUFFICIENT: InsufficientMargin,
    MARGIN_NOT_SUFFICIENT: InsufficientMargin,
    POST_ONLY_REJECTED: WouldCross,
}


def is_error(code: int | str | None) -> bool:
    """Whether an HTTP 200 body's `code` tells of a failure: cancel-all and noop answer 200, as number or text."""
    return code is not None and int(code) < 0


def classify(http_status: int, code: int | None, msg: str, retry_after_s: float | None = None) -> VenueError:
    """What an answer that is no success means. `code` is None when the body was not the venue's JSON."""
    text = msg or f"HTTP {http_status}"
    if http_status in (403, 418):
        return Banned(text, retry_after_s=retry_after_s or _DEFAULT_BAN_S, http_status=http_status)
    if http_status == 429 or code in (TOO_MANY_REQUESTS, TOO_MANY_ORDERS):
        return Throttled(text, retry_after_s=retry_after_s or _DEFAULT_PAUSE_S, code=code)
    return _kind(http_status, code, msg)(text, code=code, http_status=http_status)


def _kind(http_status: int, code: int | None, msg: str) -> type[VenueError]:
    if code is None:
        # A 5xx is the venue's failure on the way (503: "execution status is UNKNOWN"); a 4xx refused before that.
        return OutcomeUnknown if http_status >= 500 else Rejected
    if code in _UNKNOWN_OUTCOME or http_status == 503:
        return OutcomeUnknown
    if code in _NOT_CARRIED_OUT:
        return Unavailable
    if code in _CREDENTIALS or (code == UNKNOWN and msg.startswith((SIGNATURE_CHECK_FAILED, NO_AGENT_FOUND))):
        return BadCredentials
    if code == NEW_ORDER_REJECTED and "immediately match" in msg.lower():
        return WouldCross
    if code == UNKNOWN:
        # "An unknown error occured while processing the request": nothing says that it was refused before it acted.
        return OutcomeUnknown
    return _REJECTIONS.get(code, OutcomeUnknown if http_status >= 500 else Rejected)
