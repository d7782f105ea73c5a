"""What each answer of the venue means."""

from __future__ import annotations

import pytest

from exchange import errors
from exchange.protocol.codes import classify, is_error


@pytest.mark.parametrize(
    ("status", "code", "msg", "kind"),
    [
        (400, -1121, "Invalid symbol.", errors.Rejected),
        (200, -4164, "Order's notional must be no smaller than 5", errors.Rejected),
        (400, -2022, "ReduceOnly Order is rejected.", errors.Rejected),
        (400, -2011, "Unknown order sent.", errors.UnknownOrder),
        (400, -2013, "Order does not exist.", errors.UnknownOrder),
        (400, -2018, "Balance is insufficient.", errors.InsufficientMargin),
        (400, -2019, "Margin is insufficient.", errors.InsufficientMargin),
        (400, -5022, "Post only order will be rejected.", errors.WouldCross),
        (400, -2010, "Order would immediately match and take.", errors.WouldCross),
        (400, -2010, "NEW_ORDER_REJECTED", errors.Rejected),
        (400, -1006, "Execution status unknown.", errors.OutcomeUnknown),
        (400, -1007, "Timeout waiting for backend.", errors.OutcomeUnknown),
        (400, -1000, "An unknown error occured.", errors.OutcomeUnknown),
        (503, None, "", errors.OutcomeUnknown),
        (503, -1001, "Internal error.", errors.OutcomeUnknown),
        (502, None, "", errors.OutcomeUnknown),
        (400, -1001, "Internal error.", errors.Unavailable),
        (400, -4225, "Nonce Expired", errors.Unavailable),
        (400, -1000, "Signature check failed", errors.BadCredentials),
        (400, -1000, "No agent found", errors.BadCredentials),
        (401, -2015, "Invalid API-key, IP, or permissions for action.", errors.BadCredentials),
        (400, -1022, "Signature for this request is not valid.", errors.BadCredentials),
        (429, -1003, "Too many requests.", errors.Throttled),
        (400, -1015, "Too many new orders.", errors.Throttled),
        (429, None, "", errors.Throttled),
        (418, -1003, "Way too many requests; IP banned.", errors.Banned),
        (403, None, "", errors.Banned),
        (404, None, "", errors.Rejected),
    ],
)
def test_classify(status: int, code: int | None, msg: str, kind: type[errors.VenueError]) -> None:
    error = classify(status, code, msg)
    assert type(error) is kind
    assert str(error)


@pytest.mark.parametrize(("status", "given", "told"), [(429, 7.0, 7.0), (429, None, 60.0), (418, 90.0, 90.0)])
def test_how_long_to_wait(status: int, given: float | None, told: float) -> None:
    error = classify(status, -1003, "", given)
    assert isinstance(error, errors.Throttled | errors.Banned)
    assert error.retry_after_s == told


@pytest.mark.parametrize(
    ("code", "expected"), [(None, False), (200, False), ("200", False), (-2011, True), ("-1", True)]
)
def test_an_error_may_come_in_a_success(code: int | str | None, expected: bool) -> None:
    assert is_error(code) is expected
