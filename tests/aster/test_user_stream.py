"""The account's line, in virtual time: the listen key's life, and exact events."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from decimal import Decimal
from random import Random

import anyio
import httpx
import pytest
from aster_fakes import EPOCH_US, AlwaysYes, FakeLines, instruments, settle, signer

from exchange import errors
from exchange.aster.auth import SignerAuth
from exchange.aster.rest import Rest, http_client
from exchange.aster.user_stream import AsterAccountStream
from exchange.clock import Clock
from exchange.model import (
    AccountEvent,
    AccountUpdate,
    Balance,
    Fill,
    Order,
    OrderStatus,
    OrderUpdate,
    Position,
    Side,
    StreamDown,
    StreamUp,
)
from fleet.simulation.loop import run_virtual

ORDER_EVENT: dict[str, object] = {
    "s": "ASTERUSDT",
    "c": "me:1",
    "S": "SELL",
    "o": "LIMIT",
    "f": "GTX",
    "q": "10.00",
    "p": "0.7345",
    "ap": "0",
    "sp": "0",
    "x": "NEW",
    "X": "NEW",
    "i": 77,
    "l": "0",
    "z": "0",
    "L": "0",
    "T": 41,
    "t": 0,
    "m": False,
    "R": True,
    "rp": "0",
}
TRADE = {"x": "TRADE", "X": "PARTIALLY_FILLED", "l": "2.50", "z": "4.00", "L": "0.7346", "T": 41, "t": 9, "m": True}
FEE = {"N": "USDT", "n": "0.00183", "rp": "-0.25"}
ACCOUNT: dict[str, object] = {
    "e": "ACCOUNT_UPDATE",
    "E": 51,
    "T": 50,
    "a": {
        "m": "FUNDING_FEE",
        "B": [{"a": "USDT", "wb": "99.5", "cw": "99.5", "bc": "-0.5"}],
        "P": [
            {"s": "ASTERUSDT", "pa": "-4.00", "ep": "0.7346", "ps": "BOTH"},
            {"s": "ASTERUSDT", "pa": "1.00", "ep": "0.7", "ps": "LONG"},
            {"s": "OTHERUSDT", "pa": "1", "ep": "1", "ps": "BOTH"},
        ],
    },
}


def order_frame(**changes: object) -> dict[str, object]:
    return {"e": "ORDER_TRADE_UPDATE", "E": 42, "T": 40, "o": {**ORDER_EVENT, **changes}}


def virtual(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    @functools.wraps(test)
    def run() -> None:
        run_virtual(test)

    del run.__wrapped__
    return run


class Watched:
    def __init__(self) -> None:
        self.lines = FakeLines()
        self.told: list[AccountEvent] = []
        self.calls: list[tuple[float, str]] = []
        self.expires = False
        """Each key before the next is asked for."""
        self.answers: dict[str, tuple[int, object]] = {}
        clock = Clock(EPOCH_US)
        http = http_client(httpx.MockTransport(self._answer))
        rest = Rest(http, "http://venue", clock, AlwaysYes(), SignerAuth(signer(), clock))
        self.stream = AsterAccountStream(rest, self.lines.connect, "ws://venue", instruments(), Random(1))
        self._tasks = anyio.create_task_group()

    def _answer(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/fapi/v3/listenKey"
        self.calls.append((anyio.current_time(), request.method))
        # Asked for twice at once it is the same.
        made = len({at for at, method in self.calls if method == "POST"})
        made = len(self.calls) if self.expires else made
        status, body = self.answers.get(request.method, (200, {"listenKey": f"key{made}"}))
        return httpx.Response(status, json=body)

    async def __aenter__(self) -> Watched:
        await self._tasks.__aenter__()
        self._tasks.start_soon(self.stream.run, self.told.append)
        await settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)
        assert not any(socket.is_open for socket in self.lines.sockets)


@virtual
async def test_connects_with_a_listen_key() -> None:
    async with Watched() as watched:
        assert watched.told == [StreamUp("account")]
        assert watched.lines.last.url == "ws://venue/ws/key1"


@virtual
async def test_the_key_is_kept_alive_after_25_minutes_and_silence_is_normal() -> None:
    async with Watched() as watched:
        await anyio.sleep(80 * 60)
        assert watched.calls == [(0.0, "POST"), (0.0, "POST"), (1500.0, "PUT"), (3000.0, "PUT"), (4500.0, "PUT")]
        assert watched.told == [StreamUp("account")]


@virtual
async def test_a_failed_keep_alive_is_tried_again_within_the_keys_life() -> None:
    async with Watched() as watched:
        watched.answers["PUT"] = (503, {"code": -1001, "msg": "?"})
        await anyio.sleep(1600)
        assert [at for at, _ in watched.calls] == [0.0, 0.0, 1500.0, 1560.0]
        assert watched.told == [StreamUp("account")]


@virtual
async def test_a_key_that_is_gone_is_replaced() -> None:
    async with Watched() as watched:
        watched.answers["PUT"] = (400, {"code": -1125, "msg": "This listenKey does not exist."})
        await anyio.sleep(1510)
        assert watched.told == [
            StreamUp("account"),
            StreamDown("account", "the listen key is gone"),
            StreamUp("account"),
        ]
        assert watched.lines.last.url == "ws://venue/ws/key2"


@virtual
async def test_an_expired_key_is_replaced() -> None:
    async with Watched() as watched:
        watched.lines.last.push({"e": "listenKeyExpired", "E": 1})
        await anyio.sleep(2)
        assert [type(event) for event in watched.told] == [StreamUp, StreamDown, StreamUp]
        assert [method for _, method in watched.calls] == ["POST"] * 4
        assert watched.lines.last.url == "ws://venue/ws/key2"


@virtual
async def test_a_key_that_expired_before_the_line_was_open_is_found_out_at_once() -> None:
    watched = Watched()
    watched.expires = True
    async with watched:
        assert watched.told == [StreamUp("account"), StreamDown("account", "the listen key is gone")]
        watched.expires = False
        await anyio.sleep(10)
        assert watched.told[2:] == [StreamUp("account")]


@virtual
async def test_a_doubt_that_could_not_be_settled_is_taken_up_again() -> None:
    async with Watched() as watched:
        await anyio.sleep(60)
        watched.answers["POST"] = (503, {"code": -1001, "msg": "?"})
        watched.stream.doubt()
        await anyio.sleep(2)
        assert watched.told == [StreamUp("account")]
        del watched.answers["POST"]
        await anyio.sleep(20)
        assert watched.told[1:] == [StreamDown("account", "the listen key is gone"), StreamUp("account")]


@virtual
async def test_a_line_that_is_doubted_is_given_up_when_its_key_is_another_by_now() -> None:
    async with Watched() as watched:
        await anyio.sleep(60)
        assert watched.told == [StreamUp("account")]
        watched.stream.doubt()
        await anyio.sleep(10)
        assert watched.told[1:] == [StreamDown("account", "the listen key is gone"), StreamUp("account")]


@virtual
async def test_a_dying_key_that_comes_back_is_asked_for_again_ever_later_and_never_touched() -> None:
    watched = Watched()
    watched.answers["POST"] = (200, {"listenKey": "dying"})
    async with watched:
        for _ in range(4):
            await anyio.sleep(3)
            watched.lines.last.push({"e": "listenKeyExpired", "E": 1})
            await anyio.sleep(20)
        del watched.answers["POST"]
        watched.lines.last.push({"e": "listenKeyExpired", "E": 1})
        await anyio.sleep(20)
        assert {method for _, method in watched.calls} == {"POST"}
        assert [socket.url.split("/")[-1] for socket in watched.lines.sockets] == ["dying"] * 5 + ["key6"]
        assert isinstance(watched.told[-1], StreamUp)


@virtual
async def test_events_out_of_order_are_passed_on_each_with_its_time() -> None:
    async with Watched() as watched:
        for at_ms in (42, 40, 41):
            watched.lines.last.push({**order_frame(), "E": at_ms, "T": at_ms - 1})
        await settle()
        assert [event.order.exchange_ms for event in watched.told if isinstance(event, OrderUpdate)] == [41, 39, 40]


@virtual
async def test_a_lost_line_is_told_at_once_and_comes_back() -> None:
    async with Watched() as watched:
        watched.lines.refusals = 2
        watched.lines.last.cut("gone")
        await settle()
        assert watched.told[-1] == StreamDown("account", "gone")
        await anyio.sleep(10)
        assert [type(event) for event in watched.told] == [StreamUp, StreamDown, StreamUp]
        assert watched.stream.reconnects == 3


@virtual
async def test_a_venue_that_gives_no_key_is_asked_again() -> None:
    watched = Watched()
    watched.answers["POST"] = (503, {"code": -1001, "msg": "?"})
    async with watched:
        await anyio.sleep(60)
        assert watched.told == []
        assert len(watched.calls) > 3
        del watched.answers["POST"]
        await anyio.sleep(60)
        assert watched.told == [StreamUp("account")]


@virtual
async def test_refused_credentials_end_it() -> None:
    watched = Watched()
    watched.answers["POST"] = (400, {"code": -1000, "msg": "No agent found"})
    with pytest.raises(errors.BadCredentials):
        await watched.stream.run(watched.told.append)


@virtual
async def test_an_order_and_its_fill() -> None:
    async with Watched() as watched:
        watched.lines.last.push(order_frame())
        watched.lines.last.push(order_frame(**TRADE, **FEE))
        await settle()
        placed = Order("ASTERUSDT", "me:1", 77, Side.SELL, OrderStatus.NEW, 7345, 1000, 0, True, "GTX", 40)
        traded = Order(
            "ASTERUSDT", "me:1", 77, Side.SELL, OrderStatus.PARTIALLY_FILLED, 7345, 1000, 400, True, "GTX", 40
        )
        fill = Fill(
            "ASTERUSDT",
            9,
            77,
            "me:1",
            Side.SELL,
            7346,
            250,
            True,
            Decimal("0.00183"),
            "USDT",
            Decimal("-0.25"),
            41,
        )
        assert watched.told[1:] == [OrderUpdate(placed, "NEW", None), OrderUpdate(traded, "TRADE", fill)]


@virtual
async def test_a_fill_without_commission() -> None:
    async with Watched() as watched:
        watched.lines.last.push(order_frame(**TRADE))
        await settle()
        update = watched.told[-1]
        assert isinstance(update, OrderUpdate)
        assert update.fill is not None
        assert (update.fill.fee, update.fill.fee_asset) == (0, "USDT")


@virtual
async def test_an_account_update() -> None:
    async with Watched() as watched:
        watched.lines.last.push(ACCOUNT)
        await settle()
        assert watched.told[1:] == [
            AccountUpdate(
                reason="FUNDING_FEE",
                balances=(Balance("USDT", Decimal("99.5"), 50),),
                balance_changes={"USDT": Decimal("-0.5")},
                positions=(Position("ASTERUSDT", -400, Decimal("0.7346"), 1, 50),),
                exchange_ms=50,
            )
        ]


@virtual
async def test_kinds_that_are_not_followed_are_passed_over() -> None:
    async with Watched() as watched:
        passed_over: list[dict[str, object]] = [
            {"e": "MARGIN_CALL", "E": 1, "p": []},
            {"e": "ACCOUNT_CONFIG_UPDATE", "E": 1, "T": 1, "ac": {"s": "ASTERUSDT", "l": 3}},
            {"result": None, "id": 1},
            order_frame(s="OTHERUSDT"),
        ]
        for frame in passed_over:
            watched.lines.last.push(frame)
        await settle()
        assert watched.told == [StreamUp("account")]
        assert watched.stream.malformed.total == 0


@pytest.mark.parametrize("frame", [order_frame(l="many", x="TRADE"), order_frame(i="x"), "no json"])
def test_a_frame_that_may_have_been_an_order_is_a_gap(frame: object) -> None:
    async def scenario() -> None:
        async with Watched() as watched:
            watched.lines.last.push(frame)
            await anyio.sleep(2)
            assert [type(event) for event in watched.told] == [StreamUp, StreamDown, StreamUp]
            assert watched.stream.malformed.total == 1

    run_virtual(scenario)
