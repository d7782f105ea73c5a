"""What each answer of the venue means."""

from __future__ import annotations

import pytest

from exchange import errors
from exchange.protocol import codes
from exchange.protocol.meanings import _ROWS, MEANINGS, classify, is_error  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(
    ("status", "code", "msg", "kind"),
    [
        (400, -1121, "Invalid symbol.", errors.BadRequest),
        (200, -4164, "Order's notional must be no smaller than 5", errors.OutOfBounds),
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
        (500, -2010, "NEW_ORDER_REJECTED", errors.OutcomeUnknown),
        (408, None, "", errors.OutcomeUnknown),
        (302, None, "", errors.OutcomeUnknown),
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
        (400, -1003, "Way too many requests; IP banned until 1700000000000.", errors.Banned),
        (403, None, "", errors.Banned),
        (403, -1011, "This IP cannot access this route.", errors.BadCredentials),
        (401, None, "", errors.BadCredentials),
        (400, -1000, "Invalid symbol.", errors.BadRequest),
        (400, -2025, "Reach max open order limit.", errors.LimitReached),
        (400, -2023, "User in liquidation mode now.", errors.NotPermitted),
        (400, -4088, "User can not place order currently", errors.NoOrderNow),
        (400, -4059, "No need to change position side.", errors.NothingToChange),
        (404, None, "", errors.Rejected),
    ],
)
def test_classify(status: int, code: int | None, msg: str, kind: type[errors.VenueError]) -> None:
    error = classify(status, code, msg)
    assert type(error) is kind
    assert str(error)


DOCUMENTED = """
1000 1001 1002 1003 1004 1005 1006 1007 1010 1011 1013 1014 1015 1016 1020 1021 1022 1023 1100 1101 1102 1103 1104 1105
1106 1108 1109 1110 1111 1112 1113 1114 1115 1116 1117 1118 1119 1120 1121 1125 1127 1128 1130 1136 2010 2011 2013 2014
2015 2016 2018 2019 2020 2021 2022 2023 2024 2025 2026 2027 2028 4000 4001 4002 4003 4004 4005 4006 4007 4008 4009 4010
4011 4012 4013 4014 4015 4016 4017 4018 4019 4020 4021 4022 4023 4024 4025 4026 4027 4028 4029 4030 4031 4032 4033 4044
4045 4046 4047 4048 4049 4050 4051 4052 4053 4054 4055 4056 4057 4058 4059 4060 4061 4062 4063 4064 4065 4066 4067 4068
4069 4070 4071 4072 4073 4074 4075 4076 4077 4078 4079 4080 4081 4082 4083 4084 4085 4086 4087 4088 4104 4114 4115 4118
4131 4135 4137 4138 4139 4140 4141 4142 4144 4161 4164 4165 4183 4184 4225
"""
"""docs: Error Codes of V3 and V1, and the code in the example of Noop."""


@pytest.mark.parametrize("code", [-int(text) for text in DOCUMENTED.split()])
def test_every_documented_code_has_a_row(code: int) -> None:
    assert code in MEANINGS


def test_a_code_has_one_row_and_one_name() -> None:
    listed = [code for _, row in _ROWS for code in row]
    assert len(listed) == len(set(listed))
    named = [value for name, value in vars(codes).items() if name.isupper() and isinstance(value, int)]
    assert sorted(named) == sorted(listed)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (-1099, 400, errors.OutcomeUnknown),
        (-1199, 400, errors.Rejected),
        (-2099, 400, errors.Rejected),
        (-4999, 400, errors.Rejected),
        (-4999, 200, errors.Rejected),
        (-5041, 400, errors.Rejected),
        (-9000, 400, errors.OutcomeUnknown),
        (-4999, 500, errors.OutcomeUnknown),
    ],
)
def test_a_code_in_no_row_goes_by_its_class(code: int, status: int, kind: type[errors.VenueError]) -> None:
    assert code not in MEANINGS
    assert type(classify(status, code, "?")) is kind


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
