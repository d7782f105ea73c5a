"""What each answer of the venue means to a caller: the table of codes and HTTP statuses (docs: Error Codes, HTTP Return
Codes), and the way through it to exchange.errors.

Owns: the table. Must not know: how an answer came, nor what is done about it.
"""

from __future__ import annotations

from exchange.errors import (
    BadCredentials,
    BadRequest,
    Banned,
    DuplicateClientId,
    InsufficientMargin,
    LimitReached,
    NoOrderNow,
    NothingToChange,
    NotPermitted,
    OutcomeUnknown,
    OutOfBounds,
    Rejected,
    Throttled,
    Unavailable,
    UnknownOrder,
    VenueError,
    WouldCross,
)
from exchange.protocol import codes

_DEFAULT_PAUSE_S = 60.0
"""The longest window is a minute; after it a 429 without Retry-After is over."""
_DEFAULT_BAN_S = 120.0
"""The shortest ban (docs: IP Limits)."""

_ROWS: tuple[tuple[type[VenueError], tuple[int, ...]], ...] = (
    # "Execution status unknown". -1000, "an unknown error", does not say that it was refused before it acted.
    (OutcomeUnknown, (codes.UNKNOWN, codes.UNEXPECTED_RESP, codes.TIMEOUT)),
    (
        Unavailable,
        (
            codes.DISCONNECTED,
            codes.SERVER_BUSY,
            codes.SERVICE_SHUTTING_DOWN,
            # Of our clock, or of a request overtaken by a hundred others: signed anew it may pass.
            codes.INVALID_TIMESTAMP,
            codes.NONCE_EXPIRED,
        ),
    ),
    (Throttled, (codes.TOO_MANY_REQUESTS, codes.TOO_MANY_ORDERS)),
    (
        BadCredentials,
        (
            codes.UNAUTHORIZED,
            codes.NON_WHITE_LIST,
            codes.INVALID_SIGNATURE,
            codes.BAD_API_KEY_FMT,
            codes.REJECTED_MBX_KEY,
        ),
    ),
    (WouldCross, (codes.POST_ONLY_REJECTED,)),
    (UnknownOrder, (codes.CANCEL_REJECTED, codes.NO_SUCH_ORDER)),
    (
        InsufficientMargin,
        (
            codes.BALANCE_NOT_SUFFICIENT,
            codes.MARGIN_NOT_SUFFICIENT,
            codes.MIN_LEVERAGE_RATIO,
            codes.CROSS_BALANCE_INSUFFICIENT,
            codes.ISOLATED_BALANCE_INSUFFICIENT,
            codes.MULTI_ASSETS_MARGIN_TOO_LOW,
        ),
    ),
    (
        OutOfBounds,
        (
            codes.BAD_PRECISION,
            codes.PRICE_LESS_THAN_ZERO,
            codes.PRICE_GREATER_THAN_MAX_PRICE,
            codes.QTY_LESS_THAN_ZERO,
            codes.QTY_LESS_THAN_MIN_QTY,
            codes.QTY_GREATER_THAN_MAX_QTY,
            codes.STOP_PRICE_LESS_THAN_ZERO,
            codes.STOP_PRICE_GREATER_THAN_MAX_PRICE,
            codes.PRICE_LESS_THAN_MIN_PRICE,
            codes.PRICE_NOT_INCREASED_BY_TICK_SIZE,
            codes.PRICE_HIGHER_THAN_MULTIPLIER_UP,
            codes.QTY_NOT_INCREASED_BY_STEP_SIZE,
            codes.PRICE_LOWER_THAN_MULTIPLIER_DOWN,
            codes.MARKET_ORDER_REJECT,
            codes.INVALID_ACTIVATION_PRICE,
            codes.MIN_NOTIONAL,
            codes.PRICE_HIGHER_THAN_STOP_MULTIPLIER_UP,
            codes.PRICE_LOWER_THAN_STOP_MULTIPLIER_DOWN,
        ),
    ),
    (
        LimitReached,
        (
            codes.MAX_OPEN_ORDER_EXCEEDED,
            codes.MAX_LEVERAGE_RATIO,
            codes.EXCEED_MAX_CANCEL_ORDER_SIZE,
            codes.MAX_STOP_ORDER_EXCEEDED,
            codes.INVALID_BATCH_PLACE_ORDER_SIZE,
            codes.MAX_AMENDMENTS_EXCEEDED,
        ),
    ),
    (NoOrderNow, (codes.NO_PLACE_ORDER_PERMISSION,)),
    (
        NotPermitted,
        (
            codes.UNSUPPORTED_OPERATION,
            codes.NO_TRADING_WINDOW,
            codes.USER_IN_LIQUIDATION,
            codes.WRONG_MARKET_STATUS,
            codes.THERE_EXISTS_OPEN_ORDERS,
            codes.THERE_EXISTS_QUANTITY,
            codes.MULTI_ASSETS_WITH_ISOLATED_SYMBOLS,
            codes.ISOLATED_IN_MULTI_ASSETS,
            codes.MULTI_ASSETS_WITH_OPEN_ORDERS,
            codes.MULTI_ASSETS_NEGATIVE_BALANCE,
            codes.POSITION_SIDE_NOT_MATCH,
            codes.POSITION_SIDE_CHANGE_EXISTS_OPEN_ORDERS,
            codes.POSITION_SIDE_CHANGE_EXISTS_QUANTITY,
            codes.UPCOMING_METHOD,
            codes.REDUCE_ONLY_ORDER_PERMISSION,
            codes.INVALID_OPENING_POSITION_STATUS,
            codes.SYMBOL_ALREADY_CLOSED,
            codes.ISOLATED_LEVERAGE_REJECT_WITH_POSITION,
        ),
    ),
    (
        NothingToChange,
        (
            codes.NO_NEED_TO_CHANGE_MARGIN_TYPE,
            codes.NO_NEED_TO_CHANGE_AUTO_ADD_MARGIN,
            codes.NO_NEED_TO_CHANGE_POSITION_SIDE,
            codes.NO_NEED_TO_CHANGE_MULTI_ASSETS,
            codes.NOTHING_TO_AMEND,
        ),
    ),
    (
        BadRequest,
        (
            codes.INVALID_MESSAGE,
            codes.UNKNOWN_ORDER_COMPOSITION,
            codes.START_TIME_GREATER_THAN_END_TIME,
            codes.ILLEGAL_CHARS,
            codes.TOO_MANY_PARAMETERS,
            codes.MANDATORY_PARAM_EMPTY_OR_MALFORMED,
            codes.UNKNOWN_PARAM,
            codes.UNREAD_PARAMETERS,
            codes.PARAM_EMPTY,
            codes.PARAM_NOT_REQUIRED,
            codes.BAD_ASSET,
            codes.BAD_ACCOUNT,
            codes.BAD_INSTRUMENT_TYPE,
            codes.WITHDRAW_NOT_NEGATIVE,
            codes.TIF_NOT_REQUIRED,
            codes.INVALID_TIF,
            codes.INVALID_ORDER_TYPE,
            codes.INVALID_SIDE,
            codes.EMPTY_NEW_CL_ORD_ID,
            codes.EMPTY_ORG_CL_ORD_ID,
            codes.BAD_INTERVAL,
            codes.BAD_SYMBOL,
            codes.INVALID_LISTEN_KEY,
            codes.MORE_THAN_XX_HOURS,
            codes.OPTIONAL_PARAMS_BAD_COMBO,
            codes.INVALID_PARAMETER,
            codes.BAD_RECV_WINDOW,
            codes.INVALID_CALLBACK_RATE,
            codes.INVALID_PATH,
            codes.INVALID_NEW_ORDER_RESP_TYPE,
            codes.INVALID_CL_ORD_ID_LEN,
            codes.INVALID_DEPTH_LIMIT,
            codes.INVALID_LEVERAGE,
            codes.INVALID_WORKING_TYPE,
            codes.AMOUNT_MUST_BE_POSITIVE,
            codes.INVALID_POSITION_SIDE,
            codes.REDUCE_ONLY_CONFLICT,
            codes.INVALID_CONTRACT_TYPE,
            codes.INVALID_CLIENT_TRAN_ID_LEN,
            codes.DUPLICATED_CLIENT_TRAN_ID,
            codes.QUANTITY_EXISTS_WITH_CLOSE_POSITION,
            codes.REDUCE_ONLY_MUST_BE_TRUE,
            codes.CLOSE_POSITION_CONFLICT,
            codes.ORDER_TYPE_CANNOT_BE_MKT,
            codes.INVALID_PAIR,
            codes.INVALID_TIME_INTERVAL,
        ),
    ),
    (DuplicateClientId, (codes.DUPLICATED_CLIENT_ORDER_ID,)),
    (
        Rejected,
        (
            codes.DUPLICATE_IP,
            codes.NO_SUCH_IP,
            codes.ERROR_MSG_RECEIVED,
            codes.NO_DEPTH,
            codes.NEW_ORDER_REJECTED,
            codes.UNABLE_TO_FILL,
            codes.ORDER_WOULD_IMMEDIATELY_TRIGGER,
            codes.REDUCE_ONLY_REJECT,
            codes.POSITION_NOT_SUFFICIENT,
            codes.REDUCE_ONLY_ORDER_TYPE_NOT_SUPPORTED,
            codes.FOK_REJECTED,
            codes.INVALID_ORDER_STATUS,
            codes.TARGET_STRATEGY_INVALID,
            codes.ADD_ISOLATED_MARGIN_REJECT,
            codes.AUTO_ADD_CROSSED_MARGIN_REJECT,
            codes.ADD_ISOLATED_MARGIN_NO_POSITION_REJECT,
            codes.PLACE_BATCH_ORDERS_FAIL,
            codes.REDUCE_ONLY_MARGIN_CHECK_FAILED,
            codes.STRATEGY_INVALID_TRIGGER_PRICE,
            codes.CLOSE_POSITION_EXISTS,
            # The venue's own listing, keys and options: a client of futures should never see these.
            codes.TICK_SIZE_LESS_THAN_ZERO,
            codes.MAX_PRICE_LESS_THAN_MIN_PRICE,
            codes.MAX_QTY_LESS_THAN_MIN_QTY,
            codes.STEP_SIZE_LESS_THAN_ZERO,
            codes.MAX_NUM_ORDERS_LESS_THAN_ZERO,
            codes.MULTIPLIER_UP_LESS_THAN_ZERO,
            codes.MULTIPLIER_DOWN_LESS_THAN_ZERO,
            codes.COMPOSITE_SCALE_OVERFLOW,
            codes.MULTIPLIER_DECIMAL_LESS_THAN_ZERO,
            codes.COMMISSION_INVALID,
            codes.INVALID_ACCOUNT_TYPE,
            codes.INVALID_TICK_SIZE_PRECISION,
            codes.INVALID_STEP_SIZE_PRECISION,
            codes.INSURANCE_ACCOUNT_NOT_FOUND,
            codes.INVALID_BALANCE_TYPE,
            codes.INVALID_API_KEY_TYPE,
            codes.INVALID_RSA_PUBLIC_KEY,
            codes.MAX_PRICE_TOO_LARGE,
            *range(codes.INVALID_OPTIONS_EVENT_TYPE, codes.INVALID_OPTIONS_REQUEST_TYPE + 1),
            *range(codes.OPTIONS_NOT_FOUND, codes.INVALID_OPTIONS_PREMIUM_FEE + 1),
            codes.INVALID_NOTIONAL_LIMIT_COEF,
            codes.INVALID_PRICE_SPREAD_THRESHOLD,
        ),
    ),
)

MEANINGS: dict[int, type[VenueError]] = {code: meaning for meaning, listed in _ROWS for code in listed}

STATUSES: dict[int, type[VenueError]] = {
    401: BadCredentials,
    403: Banned,
    # No answer from behind the door in time.
    408: OutcomeUnknown,
    418: Banned,
    429: Throttled,
}
"""Statuses that speak for themselves. Of the others 4xx are refusals, anything else leaves the outcome unknown."""

_TEXTS: tuple[tuple[int, str, type[VenueError]], ...] = (
    (codes.UNKNOWN, codes.SIGNATURE_CHECK_FAILED.lower(), BadCredentials),
    (codes.UNKNOWN, codes.NO_AGENT_FOUND.lower(), BadCredentials),
    # docs: Index Price References.
    (codes.UNKNOWN, "invalid symbol", BadRequest),
    (codes.TOO_MANY_REQUESTS, "ip banned", Banned),
    (codes.NEW_ORDER_REJECTED, "immediately match", WouldCross),
)
"""Where one code means different things: a part of the text, in lower case, that tells."""


def is_error(code: int | str | None) -> bool:
    """Whether an HTTP 200 body's `code` tells of a failure: cancel-all and noop answer 200, as number or text."""
    return code is not None and int(code) < 0


def classify(http_status: int, code: int | None, msg: str, retry_after_s: float | None = None) -> VenueError:
    """What an answer that is no success means. `code` is None when the body was not the venue's JSON."""
    text = msg or f"HTTP {http_status}"
    kind = _kind(http_status, code, msg)
    if issubclass(kind, Banned):
        return Banned(text, retry_after_s=retry_after_s or _DEFAULT_BAN_S, http_status=http_status)
    if issubclass(kind, Throttled):
        return Throttled(text, retry_after_s=retry_after_s or _DEFAULT_PAUSE_S, code=code)
    return kind(text, code=code, http_status=http_status)


def _kind(http_status: int, code: int | None, msg: str) -> type[VenueError]:
    meant = _meant(code, msg) if code is not None else None
    if http_status in (403, 418) and meant is not BadCredentials:
        return Banned
    if http_status == 429 and meant is not Banned:
        return Throttled
    if meant in (Banned, Throttled):
        return meant
    if http_status >= 500:
        # docs: HTTP Return Codes. Whatever the body says: "the execution status is UNKNOWN".
        return OutcomeUnknown
    if meant is not None:
        return meant
    return STATUSES.get(http_status, Rejected if 400 <= http_status < 500 else OutcomeUnknown)


def _meant(code: int, msg: str) -> type[VenueError]:
    lowered = msg.lower()
    for each, part, meaning in _TEXTS:
        if code == each and part in lowered:
            return meaning
    return MEANINGS.get(code) or _by_class(code)


def _by_class(code: int) -> type[VenueError]:
    """A code that is in no table: 11xx, 20xx, 40xx and 50xx refuse a request; 10xx, and what has no class, may not."""
    if -1200 < code <= -1100 or -3000 < code <= -2000 or -6000 < code <= -4000:
        return Rejected
    return OutcomeUnknown
