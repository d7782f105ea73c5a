"""The docs, row by row, against the paper exchange in memory and on sockets; and that the suite can tell a difference."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from conformance.docs_errors import is_documented
from conformance.places import is_playable, paper
from conformance.play import NotServed, RowFailed, fault_of, play
from conformance.row import Dial, Needs, Row, Say, Silence
from conformance.shapes import Either, Exactly, Maybe, MaybeEmpty, faults
from conformance.suite import NOT_SERVED, ROWS
from conformance.writing import OF_SYMBOL, PAPER, ask, hear, limit, place, public, row
from contract_house import MEMORY, SOCKETS, Way
from processes import ENVIRONMENT
from processes import paper as paper_process

_SECTIONS = tuple(dict.fromkeys(each.section for each in ROWS))
_AT_ONCE = 6
"""Rows on sockets, which wait more than they work."""


def _params() -> list[Any]:
    expected_to_fail = pytest.mark.xfail(raises=RowFailed, reason="not served", strict=True)
    return [
        pytest.param(each, id=each.id, marks=expected_to_fail if each.id in NOT_SERVED else ())
        for each in ROWS
        if is_playable(each, in_memory=True)
    ]


async def _fault(each: Row, *, in_memory: bool) -> RowFailed | None:
    async with paper(each.settings, in_memory=in_memory) as venue:
        return await fault_of(each, venue)


@pytest.mark.parametrize("each", _params())
@pytest.mark.parametrize("way", [MEMORY], ids=lambda way: way.name)
async def test_a_row_of_the_docs_holds(way: Way, each: Row) -> None:
    fault = await _fault(each, in_memory=True)
    if fault is not None:
        raise fault


@pytest.mark.parametrize("section", _SECTIONS)
@pytest.mark.parametrize("way", [SOCKETS], ids=lambda way: way.name)
async def test_a_sections_rows_hold_on_sockets(way: Way, section: str) -> None:
    faults: list[str] = []
    limiter = anyio.CapacityLimiter(_AT_ONCE)

    async def one(each: Row) -> None:
        async with limiter:
            fault = await _fault(each, in_memory=False)
        if (fault is not None) is not (each.id in NOT_SERVED):
            faults.append(str(fault) if fault else f"{each.id} passes, and is among those that are not served")

    async with anyio.create_task_group() as tasks:
        for each in ROWS:
            if each.section == section and is_playable(each, in_memory=False):
                tasks.start_soon(one, each)
    assert faults == []


_STREAM = "asterusdt@markPrice@1s"


@pytest.mark.parametrize(
    "each",
    [
        row("x", "another status", PAPER, public("ping", status=404)),
        row("x", "another code", PAPER, public("depth", code=-1121)),
        row("x", "a text that is none of the docs'", PAPER, public("depth", code=-1102, msg="No.")),
        row("x", "a field that is not there", PAPER, public("time", shape={"serverTime": 1, "zone": "UTC"})),
        row("x", "a field too many", PAPER, public("time", shape={})),
        row("x", "a field of another type", PAPER, public("time", shape={"serverTime": "1"})),
        row("x", "another value", PAPER, place(limit("BUY", "-1%"), where={"price": "<mark-2%>"})),
        row("x", "another header", PAPER, public("ping", headers={"x-mbx-used-weight-1m": "2"})),
        row("x", "a frame that does not come", PAPER, Dial("/ws"), hear({"e": "trade"})),
        row("x", "a frame that comes", PAPER, Dial(f"/ws/{_STREAM}"), Silence(match={"s": "ASTERUSDT"}, seconds=2)),
        row("x", "a line that opens", PAPER, Dial("/ws", status=403)),
        row("x", "a line that does not open", PAPER, Dial("/nowhere")),
        row("x", "another answer", PAPER, Dial("/ws"), Say({"method": "LIST_SUBSCRIPTIONS"}), hear(shape={"id": 1})),
    ],
    ids=lambda each: each.name,
)
@pytest.mark.parametrize("way", [MEMORY], ids=lambda way: way.name)
async def test_a_row_that_does_not_hold_fails(way: Way, each: Row) -> None:
    async with paper(each.settings, in_memory=True) as venue:
        with pytest.raises(RowFailed) as failed:
            await play(each, venue)
    assert not isinstance(failed.value, NotServed)


@pytest.mark.parametrize("way", [MEMORY], ids=lambda way: way.name)
async def test_a_path_that_the_venue_has_not_is_told_apart(way: Way) -> None:
    async with paper({}, in_memory=True) as venue:
        with pytest.raises(NotServed):
            await play(row("x", "y", PAPER, public("nosuchpath", OF_SYMBOL)), venue)


@pytest.mark.parametrize("way", [MEMORY], ids=lambda way: way.name)
async def test_what_an_answer_held_can_be_asked_for(way: Way) -> None:
    each = row(
        "x",
        "y",
        PAPER,
        place(limit("BUY", "-1%"), keep="first"),
        ask(
            "GET", "order", OF_SYMBOL | {"orderId": "<first.orderId>"}, where={"clientOrderId": "<first.clientOrderId>"}
        ),
    )
    async with paper({}, in_memory=True) as venue:
        await play(each, venue)


@pytest.mark.parametrize(
    ("example", "got", "number"),
    [
        ({"a": 1}, {"a": 2}, 0),
        ({"a": 1}, {"a": "2"}, 1),
        ({"a": 1}, {"a": True}, 1),
        ({"a": True}, {"a": 1}, 1),
        ({"a": 1.5}, {"a": 2}, 0),
        ({"a": "1.5"}, {"a": "2"}, 0),
        ({"a": "1.5"}, {"a": "two"}, 1),
        ({"a": "1.5"}, {"a": 1.5}, 1),
        ({"a": "x"}, {"a": ""}, 0),
        ({"a": None}, {"a": None}, 0),
        ({"a": None}, {"a": 0}, 1),
        ({"a": 1}, {}, 1),
        ({"a": Maybe(1)}, {}, 0),
        ({"a": Maybe(1)}, {"a": "x"}, 1),
        ({"a": Either(1, "1")}, {"a": "2"}, 0),
        ({"a": Either(1, "1")}, {"a": None}, 1),
        ({}, {"a": 1}, 1),
        ([1], [], 1),
        (MaybeEmpty([1]), [], 0),
        (MaybeEmpty([1]), ["x"], 1),
        (MaybeEmpty([1]), {}, 1),
        ([1], [2, "3", "4"], 2),
        ([{"a": 1}, {"b": 1}], [{"b": 2}, {"a": 2}], 0),
        ([], [], 0),
        ([], [1, "x"], 1),
        (Exactly(True), True, 0),
        (Exactly(True), False, 1),
        (Exactly(1), True, 1),
        (("1", 1), ["2", 2], 0),
        (("1", 1), ["2"], 1),
        ({"a": {"b": 1}}, {"a": []}, 1),
    ],
)
def test_an_answer_is_like_its_example_or_not(example: Any, got: Any, number: int) -> None:
    assert len(faults(example, got)) == number


@pytest.mark.parametrize(
    ("code", "message", "is_one"),
    [
        (-1121, "Invalid symbol.", True),
        (-1121, "invalid symbol", False),
        (-1102, "Mandatory parameter 'side' was not sent, was empty/null, or malformed.", True),
        (-4164, "Order's notional must be no smaller than 20 (unless you choose reduce only)", True),
        (-9999, "anything", False),
    ],
)
def test_a_message_is_one_of_the_docs_or_not(code: int, message: str, is_one: bool) -> None:
    assert is_documented(code, message) is is_one


def _run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    room = Path(__file__).parent
    paths = os.pathsep.join(str(path) for path in (room.parents[1], room, room.parent / "paper"))
    return subprocess.run(
        [sys.executable, "-m", "conformance", *arguments],
        env=ENVIRONMENT | {"PYTHONPATH": paths} | env,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("where", ["paper", "sockets"])
def test_the_table_is_printed(where: str) -> None:
    ran = _run(where, "-k", "test connectivity")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [line.split()[-4:] for line in ran.stdout.splitlines()] == [
        ["passed", "not", "served", "failed"],
        ["2", "2", "0", "0"],
        ["2", "2", "0", "0"],
    ]


def test_it_is_played_at_a_venue_that_lives_and_is_not_ours_to_set_up() -> None:
    with paper_process("--symbols", "ASTERUSDT") as card:
        host = ("--rest", card["rest"], "--stream", card["stream"], "--chain-id", str(card["chain_id"]))
        env: dict[str, str] = card["env"]
        granted: list[tuple[dict[str, str], int]] = [({}, 0), (env, 4), (env | {"ORDERS": "1"}, 30)]
        for keys, number in granted:
            ran = _run("testnet", *host, "-k", "order", **keys)
            assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
            assert int(ran.stdout.splitlines()[-1].split()[-3]) > number


def test_every_row_says_what_it_needs_and_some_need_nothing() -> None:
    assert {each.needs for each in ROWS} == set(Needs)
