"""A row played at a place: its steps one after the other, each held against what it expects.

Owns: sending, waiting, comparing. Must not know: what the rows are about.
"""

from __future__ import annotations

import json
import re
from contextlib import AsyncExitStack
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import anyio
import httpx

from conformance.docs_errors import is_documented
from conformance.looking import has, is_wanted, look
from conformance.places import Line, LineEnded, Place
from conformance.row import (
    Above,
    Call,
    Closed,
    Dial,
    Expect,
    Hear,
    Mark,
    OnPaper,
    Ping,
    Row,
    Say,
    Silence,
    Step,
    Wait,
)
from conformance.shapes import faults
from conformance.signing import V3

_HOLE = re.compile(r"<(?:(mark|now)([+-][\d.]+)?(%?)|([a-z][\w.]*))>")


_NO_SUCH_PATH = -5000


class RowFailed(AssertionError):
    pass


class NotServed(RowFailed):
    """The venue knows no such path."""


async def fault_of(row: Row, place: Place) -> RowFailed | None:
    """None when the row holds."""
    try:
        await play(row, place)
    except RowFailed as fault:
        return fault
    return None


async def play(row: Row, place: Place) -> None:
    """Raises RowFailed."""
    async with AsyncExitStack() as stack:
        player = _Player(place, stack)
        for number, step in enumerate(row.steps, 1):
            try:
                await player.do(step)
            except RowFailed as failed:
                raise type(failed)(f"{row.id}, step {number}: {failed}") from None


class _Player:
    def __init__(self, place: Place, stack: AsyncExitStack) -> None:
        self._place = place
        self._stack = stack
        self._kept: dict[str, Any] = {}
        self._lines: dict[str, Line] = {}
        self._unheard: dict[str, list[Any]] = {}
        self._last_nonce = 0

    async def do(self, step: Step) -> None:
        match step:
            case Call():
                await self._call(step)
            case Dial():
                await self._dial(step)
            case Say():
                text = self._fill(step.message if isinstance(step.message, str) else json.dumps(step.message))
                for _ in range(step.times):
                    try:
                        await self._lines[step.line].send(text)
                    except LineEnded:
                        break
            case Hear():
                frame = await self._hear(step.line, self._filled(step.match))
                self._check(step.expect, frame)
                self._kept[step.keep] = frame
            case Silence():
                await self._silence(step)
            case Closed():
                await self._closed(step)
            case Ping():
                with anyio.fail_after(self._place.patience_s):
                    await self._lines[step.line].ping()
            case Wait():
                await anyio.sleep(step.seconds)
            case OnPaper():
                for each in step.steps if self._place.move_mark else ():
                    await self.do(each)
            case Mark():
                assert self._place.move_mark is not None
                self._place.move_mark(self._place.mark * Decimal(step.factor))

    # REST

    async def _call(self, call: Call) -> None:
        expect = call.expect
        response = await self._sent(call)
        for _ in range(call.times - 1):
            response = await self._sent(call)
        try:
            # The firewall stands in front of the exchange, and does not speak its JSON.
            body: Any = {} if response.status_code == expect.status == 403 else response.json()
        except ValueError:
            raise RowFailed(f"{response.status_code} with what is no JSON: {response.text[:80]!r}") from None
        if expect.code != _NO_SUCH_PATH and has({"code": _NO_SUCH_PATH}, body):
            raise NotServed(str(look(body, "msg")[0]))
        status = (200 if expect.code is None else 400) if expect.status is None else expect.status
        if status and response.status_code != status:
            told = f"{response.status_code} {response.text[:300]}"
            raise RowFailed(f"{call.method} {call.path} should answer {status}: {told}")
        for name, wanted in self._filled(expect.headers).items():
            if not is_wanted(wanted, got := response.headers.get(name)):
                raise RowFailed(f"header {name} should be {wanted}, and is {got}")
        self._check(expect, body)
        self._kept[call.keep] = body

    async def _sent(self, call: Call) -> httpx.Response:
        place = self._place
        path = self._fill(call.path if call.path.startswith("/") else f"/fapi/v3/{call.path}")
        params = {name: str(value) for name, value in self._filled(call.params).items()}
        if call.auth is None:
            return await place.http.request(call.method, path, params=params or None)
        # The next nonce is greater even when the clock stands still.
        nonce = max(self._last_nonce + 1, place.now_us())
        if isinstance(call.auth, V3) and call.auth.repeats_nonce:
            nonce = self._last_nonce
        self._last_nonce = nonce
        sent = call.auth.send(place.keys[call.by], call.method, params, nonce, place.chain_id)
        url = f"{path}?{sent.query}" if sent.query else path
        return await place.http.request(call.method, url, content=sent.body.encode() or None, headers=sent.headers)

    # Lines

    async def _dial(self, dial: Dial) -> None:
        try:
            line = await self._stack.enter_async_context(self._place.open_line(self._fill(dial.target)))
        except LineEnded as ended:
            if ended.code != dial.status:
                raise RowFailed(f"the line was refused with {ended.code}") from None
            return
        if dial.status is not None:
            raise RowFailed(f"the line opened; it should be refused with {dial.status}")
        self._lines[dial.line] = line
        self._unheard[dial.line] = []

    async def _hear(self, name: str, match: dict[str, Any]) -> Any:
        unheard = self._unheard[name]
        for number, frame in enumerate(unheard):
            if has(match, frame):
                return unheard.pop(number)
        with anyio.move_on_after(self._place.patience_s):
            while True:
                frame = await self._next(name)
                if has(match, frame):
                    return frame
                unheard.append(frame)
        raise RowFailed(f"no frame with {match}; the last that came: {unheard[-3:]}")

    async def _next(self, name: str) -> Any:
        try:
            return json.loads(await self._lines[name].recv())
        except LineEnded as ended:
            raise RowFailed(str(ended)) from None

    async def _silence(self, step: Silence) -> None:
        match = self._filled(step.match)
        heard = [frame for frame in self._unheard[step.line] if has(match, frame)]
        with anyio.move_on_after(step.seconds):
            while not heard:
                frame = await self._next(step.line)
                (heard if has(match, frame) else self._unheard[step.line]).append(frame)
        if heard:
            raise RowFailed(f"nothing should come with {match}: {heard[0]}")

    async def _closed(self, step: Closed) -> None:
        with anyio.move_on_after(self._place.patience_s):
            while True:
                try:
                    self._unheard[step.line].append(json.loads(await self._lines[step.line].recv()))
                except LineEnded as ended:
                    if ended.code in step.codes:
                        return
                    raise RowFailed(f"the line should end with one of {step.codes}, not with {ended.code}") from None
        raise RowFailed("the line should have been closed")

    # Expectations

    def _check(self, expect: Expect, got: Any) -> None:
        if expect.code is not None:
            if not has({"code": expect.code}, got):
                raise RowFailed(f"code should be {expect.code}: {got}")
            message = look(got, "msg")[0]
            if expect.msg is not None and message != self._fill(expect.msg):
                raise RowFailed(f"msg should be {expect.msg!r}: {got}")
            if expect.msg is None and not is_documented(expect.code, message):
                raise RowFailed(f"the docs have no such text for {expect.code}: {got}")
        is_excused = expect.may_be_empty_abroad and self._place.move_mark is None and got == []
        if expect.shape is not None and not is_excused and (found := faults(expect.shape, got)):
            raise RowFailed("; ".join(found[:6]))
        if expect.rule is not None and (found := expect.rule(got)):
            raise RowFailed("; ".join(found[:6]))
        for path, wanted in self._filled(expect.where).items():
            for value in look(got, path):
                if not is_wanted(wanted, value):
                    raise RowFailed(f"{path} should be {wanted!r}, and is {value!r}: {str(got)[:400]}")

    # Holes in texts

    def _filled(self, params: Any) -> dict[str, Any]:
        return {name: self._fill_any(value) for name, value in params.items()}

    def _fill_any(self, value: Any) -> Any:
        if isinstance(value, Above) and isinstance(value.number, str):
            return Above(self._fill(value.number))
        return self._fill(value) if isinstance(value, str) else value

    def _fill(self, text: str) -> Any:
        whole = _HOLE.fullmatch(text)
        return self._hole(whole) if whole else _HOLE.sub(lambda hole: str(self._hole(hole)), text)

    def _hole(self, hole: re.Match[str]) -> Any:
        what, amount, _, name = hole.groups()
        if what == "now":
            return self._place.now_us() // 1000 + int(amount or 0)
        if what == "mark":
            price = self._place.mark * (1 + Decimal(amount or 0) / 100)
            return f"{(price / self._place.tick).quantize(Decimal(1), ROUND_HALF_UP) * self._place.tick:f}"
        return look(self._kept[name.partition(".")[0]], name.partition(".")[2])[0]
