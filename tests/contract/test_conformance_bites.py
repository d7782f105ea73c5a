"""An exchange that answers wrongly does not pass: each endpoint is made to, one after the other.

Owns: the wrong answers. Must not know: which row it is that fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import msgspec
import pytest
from conformance.places import is_playable, paper
from conformance.play import fault_of
from conformance.row import Call, OnPaper, Row, Step
from conformance.rules import bracket_faults
from conformance.shapes import is_number
from conformance.suite import ROWS
from contract_house import MEMORY, Way

from exchange.paper import routes
from exchange.protocol import payloads
from exchange.protocol.endpoints import BUILDERS, Endpoint

_SERVED = tuple(each for each in (*routes.PUBLIC, *routes.SIGNED) if each is not BUILDERS)
"""BUILDERS is in no page of the docs, and tells of none."""
_UNDER = "/fapi/v3/"


def _calls(steps: Iterable[Step]) -> Iterable[Call]:
    for step in steps:
        if isinstance(step, Call):
            yield step
        elif isinstance(step, OnPaper):
            yield from _calls(step.steps)


def _asks(row: Row, endpoint: Endpoint) -> bool:
    paths = ((each.method, each.path.partition("?")[0]) for each in _calls(row.steps))
    return any(
        routes.ROUTES.get((method, path if path.startswith("/") else _UNDER + path)) is endpoint
        for method, path in paths
    )


def _emptied(answer: Any) -> Any:
    return []


def _lacking(answer: Any) -> Any:
    """Without the first field of every object, and the first figure of every row of figures."""
    if isinstance(answer, dict):
        fields = list(cast(dict[str, Any], answer).items())[1:]
        return {name: _lacking(value) for name, value in fields}
    if not isinstance(answer, list):
        return answer
    members = cast(list[Any], answer)
    return [_lacking(each) for each in members] if _is_nested(members) else members[1:]


def _is_nested(members: list[Any]) -> bool:
    return any(isinstance(each, (dict, list)) for each in members)


def _senseless(answer: Any) -> Any:
    """Of the right shape, with every number 0 and every truth its contrary."""
    if isinstance(answer, dict):
        return {name: _senseless(value) for name, value in cast(dict[str, Any], answer).items()}
    if isinstance(answer, list):
        return [_senseless(each) for each in cast(list[Any], answer)]
    if isinstance(answer, bool):
        return not answer
    if isinstance(answer, (int, float)):
        return 0
    return "0" if is_number(answer) else answer


def _twisted(handler: Callable[..., Any], twist: Callable[[Any], Any], twists: list[bool]) -> Callable[..., bytes]:
    def handle(*arguments: Any) -> bytes:
        answer = handler(*arguments)
        text = answer if isinstance(answer, bytes) else payloads.encode(answer)
        before = msgspec.json.decode(text)
        after = twist(before)
        twists.append(after != before)
        return msgspec.json.encode(after)

    return handle


def _name(value: Any) -> str:
    return value.name if isinstance(value, Endpoint) else value.__name__.strip("_")


@pytest.mark.parametrize("twist", [_emptied, _lacking, _senseless], ids=_name)
@pytest.mark.parametrize("endpoint", _SERVED, ids=_name)
@pytest.mark.parametrize("way", [MEMORY], ids=lambda way: way.name)
async def test_a_wrong_answer_fails_a_row(
    way: Way, endpoint: Endpoint, twist: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless there is nothing in it that could be wrong in that way."""
    handlers: dict[Endpoint, Any] = cast(Any, routes.PUBLIC if endpoint in routes.PUBLIC else routes.SIGNED)
    twists: list[bool] = []
    monkeypatch.setitem(handlers, endpoint, _twisted(handlers[endpoint], twist, twists))
    for row in ROWS:
        if _asks(row, endpoint) and is_playable(row, in_memory=True):
            async with paper(row.settings, in_memory=True) as venue:
                if await fault_of(row, venue) is not None:
                    return
    assert twists, "no row asks for it"
    assert not any(twists), "no row has noticed"


def _brackets(*changes: tuple[int, str, Any]) -> dict[str, Any]:
    rows: list[dict[str, Any]] = [
        {"bracket": 1, "initialLeverage": 75, "notionalFloor": 0, "notionalCap": 10_000, "maintMarginRatio": 0.0065},
        {"bracket": 2, "initialLeverage": 50, "notionalFloor": 10_000, "notionalCap": 90_000, "maintMarginRatio": 0.01},
    ]
    rows[0]["cum"], rows[1]["cum"] = 0.0, 35.0
    for number, name, value in changes:
        rows[number][name] = value
    return {"symbol": "ASTERUSDT", "brackets": rows}


def test_sound_brackets_have_no_fault() -> None:
    assert bracket_faults(_brackets()) == []


@pytest.mark.parametrize(
    "change",
    [
        (0, "bracket", 0),
        (0, "notionalFloor", 5),
        (0, "cum", 1.0),
        (0, "notionalCap", 20_000),
        (0, "maintMarginRatio", 0.02),
        (0, "maintMarginRatio", 0.0),
        (1, "bracket", 3),
        (1, "notionalFloor", 0),
        (1, "notionalCap", 10_000),
        (1, "initialLeverage", 75),
        (1, "initialLeverage", 0),
        (1, "maintMarginRatio", 0.0065),
        (1, "cum", 0.0),
    ],
)
def test_brackets_that_make_no_sense_are_found(change: tuple[int, str, Any]) -> None:
    assert bracket_faults(_brackets(change)) != []
