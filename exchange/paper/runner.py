"""The shell around the pure venue: lets its time pass with the event loop's, and hands its pushes to connections.

Owns: when the venue is advanced, its lines, and carrying out the plan of faults. Must not know: sockets, HTTP.
Every way to the venue, real sockets or memory, goes through here, so that a fault is the same on each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import anyio
import msgspec

from exchange.bell import Bell
from exchange.clock import loop_s
from exchange.paper.answers import Request, Response
from exchange.paper.engine import Engine
from exchange.paper.fault_settings import (
    CutLines,
    Events,
    ExpireListenKeys,
    FaultSettings,
    HalfOpen,
    Happening,
    Once,
    Requests,
    Restart,
    Stall,
)
from exchange.paper.faults import Answer, EventFate, FaultPlan, RequestFate
from exchange.paper.outbox import Outbox
from exchange.paper.streams import Push, PushKind
from exchange.paper.venue import TOO_MANY_REQUESTS, Venue, banned_text
from exchange.protocol import codes, endpoints, payloads

_TIMEOUT = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
"""As the exchange spells it (docs: Error Codes, -1007): the same whether the request was carried out or not."""


_ORDER_PATHS = frozenset(
    path for each in (endpoints.QUERY_ORDER, endpoints.OPEN_ORDER) for path in (each.path, each.v1_path)
)
_LIST_PATHS = frozenset((endpoints.OPEN_ORDERS.path, endpoints.OPEN_ORDERS.v1_path))
_order = msgspec.json.Decoder(payloads.OrderBody).decode
_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Unanswered(Exception):
    """The connection breaks before an answer has come."""

    def __init__(self, reason: str, *, was_refused: bool = False) -> None:
        super().__init__(reason)
        self.was_refused = was_refused
        """The venue never took it in."""


class PaperLine:
    """The client's end of one websocket line: implements exchange.protocol.wire.WebSocket."""

    def __init__(self, runner: Runner, line_id: int, outbox: Outbox, way_s: float) -> None:
        self._runner = runner
        self._id = line_id
        self._outbox = outbox
        self._inbox = Outbox(lambda: way_s + runner.faults.to_venue_s())

    async def recv(self) -> str:
        """Raises LineClosed."""
        return await self._outbox.get()

    async def send(self, text: str) -> None:
        """Raises LineClosed."""
        self.post(text)
        await self.hear()

    def post(self, text: str) -> None:
        """Sends something on its way to the venue, behind what is under way already."""
        self._inbox.put(Push(self._id, PushKind.REPLY, text))

    async def hear(self) -> None:
        """Lets the venue have the next thing posted, when it has arrived. Raises LineClosed."""
        text = await self._inbox.get()
        if self._outbox.closed is not None:
            raise self._outbox.closed
        if not self._outbox.is_silent:
            self._runner.receive(self._id, text)

    @property
    def is_silent(self) -> bool:
        return self._outbox.is_silent

    def when_silent(self, act: Callable[[], None]) -> None:
        """What the way has to do when the line goes half-open."""
        self._outbox.on_silence = act
        if self._outbox.is_silent:
            act()

    def cut(self, reason: str, code: int = 1006) -> None:
        self._outbox.cut(reason, code)

    def close(self) -> None:
        """The client is gone."""
        self._runner.close(self._id)


class Runner:
    """`now_us` is the wall clock as the loop tells it (exchange.clock.Clock.now_us)."""

    def __init__(self, venue: Venue, now_us: Callable[[], int], faults: FaultPlan | None = None) -> None:
        self.venue = venue
        self.faults = faults or FaultPlan(seed=venue.settings.seed)
        self._now_us = now_us
        self._outboxes: dict[int, Outbox] = {}
        self._wake = Bell()
        self._stalled_until_us = 0
        self._down_until_us = 0
        self._lines_refused_until_us = 0
        self._restarts = 0
        self.set_faults(self.faults.settings)

    async def run(self) -> None:
        """Lets the venue live until cancelled."""
        while True:
            now_us = self._now_us()
            self.venue.advance(now_us)
            for happening in self.faults.due(now_us):
                self._carry_out(happening)
            self._deliver()
            # Asked after the delivery: whoever acts on it is served by the same wake-up.
            self._wake.hush()
            due_us, fault_us = self.venue.next_us(), self.faults.next_us(now_us)
            wait_us = (due_us if fault_us is None else min(due_us, fault_us)) - self._now_us()
            # Whole milliseconds: uvloop's timers know nothing finer. What is due in between is done in one wake-up;
            # frames carry their own times all the same.
            await self._wake.wait(max(-(-wait_us // 1000), 1) * 1e-3)

    # Faults

    def set_faults(self, settings: FaultSettings) -> None:
        """What goes wrong from now on."""
        self.faults.change(settings)
        self.venue.engine.clock_skew_us = settings.clock_skew_ms * 1000
        self._wake.ring()

    def inject(self, once: Once) -> None:
        """Lets one thing go wrong at once, or with the requests and events that come next."""
        if isinstance(once, Requests | Events):
            self.faults.order(once)
        else:
            self._carry_out(once)
            self._deliver()

    @property
    def lines(self) -> int:
        return len(self._outboxes)

    def down_for_s(self) -> float:
        """How much longer the venue is restarting."""
        return max(0, self._down_until_us - self._now_us()) / 1e6

    def stalled_for_s(self) -> float:
        """How much longer market data do not come."""
        return max(0, self._stalled_until_us - self._now_us()) / 1e6

    def act(self, change: Callable[[Engine], None]) -> None:
        """Something done to the exchange itself, at its time and with its news delivered."""
        before_us = self.venue.next_us()
        self.venue.advance(self._now_us())
        change(self.venue.engine)
        self._after(before_us)

    def _carry_out(self, happening: Happening) -> None:
        now_us = self._now_us()
        if isinstance(happening, CutLines):
            self._cut_lines(happening.reason, happening.code)
            if happening.refused_for_s:
                self._lines_refused_until_us = now_us + round(happening.refused_for_s * 1e6)
        elif isinstance(happening, Stall):
            self._stalled_until_us = max(self._stalled_until_us, now_us + round(happening.for_s * 1e6))
        elif isinstance(happening, HalfOpen):
            until = loop_s() + happening.for_s
            for line_id, outbox in list(self._outboxes.items()):
                self.close(line_id)
                outbox.go_silent(until)
        elif isinstance(happening, Restart):
            self._restarts += 1
            self._down_until_us = max(self._down_until_us, now_us + round(happening.for_s * 1e6))
            self._cut_lines("connection lost")
        else:
            self._expire_keys(happening)

    def _cut_lines(self, reason: str, code: int = 1006) -> None:
        """What was on its way is lost."""
        for line_id, outbox in list(self._outboxes.items()):
            self.close(line_id)
            outbox.cut(reason, code)

    def _expire_keys(self, which: ExpireListenKeys) -> None:
        address = None if which.address is None else which.address.lower()
        self.act(lambda engine: engine.user_streams.expire_all(engine.now_us, address))

    # Requests

    async def request(self, request: Request) -> Response:
        """A request's way to the venue, its answer's way back, and all that happens to both. Raises Unanswered."""
        faults = self.faults
        await _travel(faults.to_venue_s())
        if self._now_us() < self._down_until_us:
            raise Unanswered("connection refused", was_refused=True)
        restarts = self._restarts
        fate = faults.request_fate(request.path)
        if fate is None:
            response = self._late_in_knowing(request, self.handle(request))
        else:
            response = await self._troubled(request, fate)
        await _travel(faults.from_venue_s())
        if restarts != self._restarts:
            raise Unanswered("connection lost")
        return response

    def handle(self, request: Request) -> Response:
        """Answers at once, whatever the faults."""
        before_us = self.venue.next_us()
        response = self.venue.handle(request, self._now_us())
        self._after(before_us)
        return response

    def _late_in_knowing(self, request: Request, response: Response) -> Response:
        is_answer = request.method == "GET" and response.status == 200
        if not is_answer or not self.faults.settings.order_not_found:
            return response
        if request.path in _ORDER_PATHS:
            order = _order(response.body)
            if self.faults.is_not_found(order.order_id, self._now_us()):
                return _error(400, codes.NO_SUCH_ORDER, "Order does not exist.")
        elif request.path in _LIST_PATHS:
            rows = [row for row in _rows(response.body) if not self._is_unlisted(_order(row))]
            return replace(response, body=msgspec.json.encode(rows))
        return response

    def _is_unlisted(self, order: payloads.OrderBody) -> bool:
        assert isinstance(order.time, int)
        return self.faults.is_unlisted(order.order_id, order.time * 1000, self._now_us())

    async def _troubled(self, request: Request, fate: RequestFate) -> Response:
        if fate.executed:
            self.handle(request)
        if fate.answer is Answer.NONE:
            await _travel(fate.after_s)
            raise Unanswered("no answer came")
        if fate.answer is Answer.UNAVAILABLE:
            return _error(503, codes.TIMEOUT, _TIMEOUT)
        if fate.answer is Answer.THROTTLED:
            text = TOO_MANY_REQUESTS.format(self.venue.limits.weight_limit)
            return _error(429, codes.TOO_MANY_REQUESTS, text, fate.retry_after_s)
        text = banned_text(self._now_us(), fate.retry_after_s)
        return _error(418, codes.TOO_MANY_REQUESTS, text, fate.retry_after_s)

    # Lines

    async def connect(self, target: str, way_s: float = 0.0, client: str = "local") -> PaperLine:
        """A websocket line; `way_s` is what its way takes by itself. Raises LineRefused, and Unanswered while down."""
        faults = self.faults
        await _travel(way_s + faults.to_venue_s())
        now_us = self._now_us()
        if now_us < max(self._down_until_us, self._lines_refused_until_us):
            raise Unanswered("no connection to be had", was_refused=True)
        outbox = Outbox(lambda: way_s + faults.stream_s())
        before_us = self.venue.next_us()
        line_id = self.venue.open_line(target, now_us, client)
        self._outboxes[line_id] = outbox
        listened = self.venue.engine.user_streams.listened_by(target)
        if listened is not None:
            faults.listened(listened, now_us)
            self._wake.ring()
        self._after(before_us)
        try:
            await _travel(way_s + faults.from_venue_s())
        except BaseException:
            self.close(line_id)
            raise
        return PaperLine(self, line_id, outbox, way_s)

    def receive(self, line_id: int, text: str | bytes) -> None:
        before_us = self.venue.next_us()
        self.venue.receive(line_id, text, self._now_us())
        self._after(before_us)

    def close(self, line_id: int) -> None:
        self._outboxes.pop(line_id, None)
        self.venue.close_line(line_id)

    def stirred(self, symbol: str, is_frozen: bool) -> None:
        """A market that is driven from outside has news, or has lost its source."""
        before_us = self.venue.next_us()
        self.venue.stirred(symbol, is_frozen, self._now_us())
        self._after(before_us)

    def _after(self, before_us: int) -> None:
        self._deliver()
        if self.venue.next_us() < before_us:
            self._wake.ring()

    def _deliver(self) -> None:
        is_stalled = self._stalled_until_us and self._now_us() < self._stalled_until_us
        for push in self.venue.take_pushes():
            outbox = self._outboxes.get(push.line_id)
            if outbox is None or (is_stalled and push.kind is PushKind.MARKET):
                continue
            if push.kind is PushKind.ACCOUNT:
                self._put_event(outbox, push)
            else:
                outbox.put(push)
            if push.kind is PushKind.CLOSE:
                del self._outboxes[push.line_id]
            elif outbox.closed is not None:
                self.close(push.line_id)

    def _put_event(self, outbox: Outbox, push: Push) -> None:
        fate = self.faults.event_fate()
        if fate is EventFate.DROPPED:
            return
        if fate is EventFate.DELAYED:
            outbox.put_late(push, self.faults.event_delay_s())
        elif fate is EventFate.REORDERED:
            outbox.put_swapped(push)
        else:
            outbox.put(push)
            if fate is EventFate.DUPLICATED:
                outbox.put(push)


async def _travel(seconds: float) -> None:
    if seconds > 0:
        await anyio.sleep(seconds)


def _error(status: int, code: int, message: str, retry_after_s: int | None = None) -> Response:
    headers = {"content-type": "application/json"}
    if retry_after_s is not None:
        headers["retry-after"] = str(retry_after_s)
    return Response(status, headers, payloads.encode(payloads.ErrorBody(code, message)))
