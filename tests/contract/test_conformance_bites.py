"""An exchange that answers or tells wrongly does not pass: each endpoint and each event is made to, one by one.

Owns: the wrong answers. Must not know: which row it is that fails.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import msgspec
import pytest
from conformance.looking import has
from conformance.places import Line, Place, is_playable, paper
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


_EVENTS = (
    ("aggTrade", "Aggregate Trade Streams"),
    ("markPriceUpdate", "Mark Price Stream"),
    ("markPriceUpdate", "Mark Price Stream for All market"),
    ("kline", "Kline/Candlestick Streams"),
    ("24hrMiniTicker", "Individual Symbol Mini Ticker Stream"),
    ("24hrMiniTicker", "All Market Mini Tickers Stream"),
    ("24hrTicker", "Individual Symbol Ticker Streams"),
    ("24hrTicker", "All Market Tickers Streams"),
    ("bookTicker", "Individual Symbol Book Ticker Streams"),
    ("bookTicker", "All Book Tickers Stream"),
    ("forceOrder", "Liquidation Order Streams"),
    ("forceOrder", "All Market Liquidation Order Streams"),
    ("depthUpdate", "Partial Book Depth Streams"),
    ("depthUpdate", "Diff. Book Depth Streams"),
    ("listenKeyExpired", "Event: User Data Stream Expired"),
    ("MARGIN_CALL", "Event: Margin Call"),
    ("ACCOUNT_UPDATE", "Event: Balance and Position Update"),
    ("ORDER_TRADE_UPDATE", "Event: Order Update"),
    ("ACCOUNT_CONFIG_UPDATE", "Event: Account Configuration Update previous Leverage Update"),
)
"""By the docs' section of the stream that tells of it."""


def _shortened(frame: Any) -> Any:
    """Without the last field of every object: the first says which event it is."""
    if isinstance(frame, dict):
        return {name: _shortened(value) for name, value in list(cast(dict[str, Any], frame).items())[:-1]}
    return [_shortened(each) for each in cast(list[Any], frame)] if isinstance(frame, list) else frame


@dataclass(frozen=True, slots=True)
class _TwistedLine:
    line: Line
    event: str
    twist: Callable[[Any], Any]

    async def recv(self) -> str | bytes:
        text = await self.line.recv()
        frame = msgspec.json.decode(text)
        is_it = has({"e": self.event}, frame) or has({"0.e": self.event}, frame)
        return msgspec.json.encode(self.twist(frame)) if is_it else text

    async def send(self, text: str) -> None:
        await self.line.send(text)

    async def ping(self) -> None:
        await self.line.ping()


def _twisted_lines(venue: Place, event: str, twist: Callable[[Any], Any]) -> Place:
    @asynccontextmanager
    async def open_line(target: str) -> AsyncGenerator[Line]:
        async with venue.open_line(target) as line:
            yield _TwistedLine(line, event, twist)

    return replace(venue, open_line=open_line)


@pytest.mark.parametrize("twist", [_shortened, _senseless], ids=_name)
@pytest.mark.parametrize(("event", "section"), _EVENTS)
@pytest.mark.parametrize("way", [MEMORY], ids=lambda way: way.name)
async def test_a_wrong_frame_fails_a_row(way: Way, event: str, section: str, twist: Callable[[Any], Any]) -> None:
    for row in ROWS:
        if row.section == section and is_playable(row, in_memory=True):
            async with paper(row.settings, in_memory=True) as venue:
                if await fault_of(row, _twisted_lines(venue, event, twist)) is not None:
                    return
    pytest.fail("no row has noticed")


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
