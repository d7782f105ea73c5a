"""One request: what goes out, what is settled, what the answer means."""

from __future__ import annotations

from urllib.parse import parse_qsl

import anyio
import httpx
import pytest
from aster_fakes import EPOCH_US, USER, AlwaysYes, Handler, Leave, answering, instruments, signer
from hypothesis import given
from hypothesis import strategies as st
from loguru import logger

from exchange import errors
from exchange.aster.auth import Auth, HmacAuth, Nonces, SignerAuth
from exchange.aster.rest import Rest, encode_params, http_client
from exchange.aster.trading import AsterTrading
from exchange.clock import Clock
from exchange.model import Cancel
from exchange.ports import Cost, RequestClass
from exchange.protocol import endpoints
from exchange.protocol.signing import hmac_signature, recover
from fleet.simulation.loop import run_virtual


def rest_over(handler: Handler, admission: AlwaysYes, auth: Auth | None = None) -> Rest:
    clock = Clock(EPOCH_US)
    http = http_client(httpx.MockTransport(handler))
    return Rest(http, "http://venue", clock, admission, auth or SignerAuth(signer(), clock))


def raw(body: bytes) -> bytes:
    return body


MANY = {"code": -1003, "msg": "Too many requests"}
BARRED = {"code": -1003, "msg": "banned"}
PARAMS = [("symbol", "币安人生USDT"), ("origClientOrderIdList", '["a:1","b/2"]')]


async def test_a_write_carries_its_signed_parameters_in_the_body() -> None:
    seen, handler = answering({})
    await rest_over(handler, AlwaysYes()).call(endpoints.CANCEL_BATCH, PARAMS, raw)
    request = seen[0]
    text = request.content.decode()
    signed, _, signature = text.partition("&signature=")
    pairs = parse_qsl(text)
    assert (request.method, str(request.url)) == ("DELETE", "http://venue/fapi/v3/batchOrders")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert [name for name, _ in pairs] == ["symbol", "origClientOrderIdList", "nonce", "user", "signer", "signature"]
    assert pairs[:2] == PARAMS
    assert dict(pairs)["user"] == USER
    assert recover(signed, signature, 1666) == signer().address


async def test_a_read_carries_them_in_the_url_encoded_once() -> None:
    seen, handler = answering({})
    await rest_over(handler, AlwaysYes()).call(endpoints.QUERY_ORDER, PARAMS, raw)
    query = seen[0].url.query.decode()
    signed, _, signature = query.partition("&signature=")
    assert seen[0].content == b""
    assert parse_qsl(query)[:2] == PARAMS
    assert recover(signed, signature, 1666) == signer().address


async def test_a_public_request_is_not_signed() -> None:
    seen, handler = answering({})
    await rest_over(handler, AlwaysYes()).call(endpoints.TIME, [], raw)
    assert str(seen[0].url) == "http://venue/fapi/v3/time"
    assert (seen[0].headers["host"], seen[0].headers["user-agent"]) == ("venue", "astermm-fleet")


async def test_v1_keys_sign_with_hmac_on_the_v1_path() -> None:
    seen, handler = answering({})
    auth = HmacAuth("public", "secret", Clock(EPOCH_US))
    await rest_over(handler, AlwaysYes(), auth).call(endpoints.NEW_ORDER, [("symbol", "ASTERUSDT")], raw)
    signed, _, signature = seen[0].content.decode().partition("&signature=")
    assert seen[0].url.path == "/fapi/v1/order"
    assert seen[0].headers["x-mbx-apikey"] == "public"
    assert signed.startswith("symbol=ASTERUSDT&recvWindow=5000&timestamp=17000000")
    assert signature == hmac_signature("secret", signed)
    assert "secret" not in repr(auth)


async def test_nonces_only_grow_even_when_the_clock_goes_back() -> None:
    clock = Clock(EPOCH_US)
    nonces = Nonces(clock)
    first = [nonces.next() for _ in range(3)]
    clock.shift(-5_000_000)
    both = [*first, nonces.next(), nonces.next()]
    assert both == sorted(set(both))
    assert abs(both[0] - EPOCH_US) < 1_000_000


@given(st.lists(st.tuples(st.sampled_from(["symbol", "price", "id"]), st.text(min_size=1)), min_size=1))
def test_encoding_is_undone_by_one_decoding(params: list[tuple[str, str]]) -> None:
    text = encode_params(params)
    assert text.isascii()
    assert parse_qsl(text, strict_parsing=True) == params


async def test_the_venues_own_counts_are_settled() -> None:
    headers = {"X-MBX-USED-WEIGHT-1M": "17", "X-MBX-ORDER-COUNT-10S": "2", "X-MBX-ORDER-COUNT-1M": "5", "X-MBX-X": "1"}
    _, handler = answering({}, headers=headers)
    admission = AlwaysYes()
    await rest_over(handler, admission).call(endpoints.NEW_ORDER, [("symbol", "A")], raw, RequestClass.QUOTE)
    assert admission.asked == [(RequestClass.QUOTE, Cost(weight=1, orders=1))]
    assert admission.settled == [{"REQUEST_WEIGHT_1M": 17, "ORDERS_10S": 2, "ORDERS_1M": 5}]


@pytest.mark.parametrize(
    ("header", "value", "told"),
    [
        ("X-MBX-USED-WEIGHT-1m", "17", {"REQUEST_WEIGHT_1M": 17}),
        ("x-mbx-order-count-1h", "17", {"ORDERS_60M": 17}),
        ("x-mbx-order-count-60m", "17", {"ORDERS_60M": 17}),
        ("x-mbx-order-count-1d", "17", {"ORDERS_1440M": 17}),
        ("X-MBX-USED-WEIGHT-1M", "1000000000", {"REQUEST_WEIGHT_1M": 10**9}),
        ("X-MBX-USED-WEIGHT-1M", "9" * 5000, {}),
        ("X-MBX-USED-WEIGHT-1M", "-4", {}),
        ("X-MBX-USED-WEIGHT-1M", "4.5", {}),
        ("X-MBX-USED-WEIGHT-1M", "many", {}),
        ("X-MBX-USED-WEIGHT-1M", "", {}),
        ("X-MBX-USED-WEIGHT-1X", "17", {}),
        ("X-MBX-USED-WEIGHT", "17", {}),
        ("X-MBX-USED-WEIGHT-", "17", {}),
    ],
)
async def test_a_count_is_a_whole_number_for_an_interval_that_is_known(
    header: str, value: str, told: dict[str, int]
) -> None:
    _, handler = answering({}, headers={header: value})
    admission = AlwaysYes()
    await rest_over(handler, admission).call(endpoints.TIME, [], raw)
    assert admission.settled == [told]


@pytest.mark.parametrize(
    ("status", "body", "endpoint", "kind"),
    [
        (400, {"code": -2011, "msg": "Unknown order sent."}, endpoints.CANCEL_ORDER, errors.UnknownOrder),
        (200, {"code": -4164, "msg": "too small"}, endpoints.NEW_ORDER, errors.OutOfBounds),
        (200, {"msg": "Signature check failed", "code": -1000}, endpoints.NEW_ORDER, errors.BadCredentials),
        (503, {"code": -1001, "msg": "?"}, endpoints.NEW_ORDER, errors.OutcomeUnknown),
        (503, "no json of theirs", endpoints.NEW_ORDER, errors.OutcomeUnknown),
        (503, "no json of theirs", endpoints.QUERY_ORDER, errors.Unavailable),
        (400, {"code": -1007, "msg": "timeout"}, endpoints.QUERY_ORDER, errors.Unavailable),
    ],
)
async def test_errors_are_classified_and_settled(
    status: int, body: object, endpoint: endpoints.Endpoint, kind: type[errors.VenueError]
) -> None:
    _, handler = answering(body, status)
    admission = AlwaysYes()
    with pytest.raises(errors.VenueError) as raised:
        await rest_over(handler, admission).call(endpoint, [("symbol", "A")], raw)
    assert type(raised.value) is kind
    assert len(admission.settled) == 1


async def test_a_code_in_no_table_is_told_once_whoever_asks() -> None:
    told: list[str] = []
    sink = logger.add(told.append, format="{message}")
    try:
        _, handler = answering({"code": -4998, "msg": "Moon in the wrong phase."}, 400)
        for _ in range(3):
            with pytest.raises(errors.Rejected):
                await rest_over(handler, AlwaysYes()).call(endpoints.NEW_ORDER, [("symbol", "A")], raw)
    finally:
        logger.remove(sink)
    assert told == [
        "the venue answers with a code that is in no table: -4998 Moon in the wrong phase. (taken as Rejected)\n"
    ]


@pytest.mark.parametrize("code", [200, "200"])
async def test_a_code_of_200_is_a_success(code: int | str) -> None:
    _, handler = answering({"code": code, "msg": "The operation of cancel all open order is done."})
    assert await rest_over(handler, AlwaysYes()).call(endpoints.CANCEL_ALL, [("symbol", "A")], raw)


@pytest.mark.parametrize(
    ("status", "headers", "body", "paused", "banned"),
    [
        (429, {"Retry-After": "7"}, MANY, [7.0], []),
        (429, {"Retry-After": "1.5"}, MANY, [1.5], []),
        (429, {}, MANY, [60.0], []),
        (429, {"Retry-After": "soon"}, MANY, [60.0], []),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, MANY, [60.0], []),
        (429, {"Retry-After": "-5"}, MANY, [60.0], []),
        (429, {"Retry-After": "0"}, MANY, [60.0], []),
        (429, {"Retry-After": "nan"}, MANY, [60.0], []),
        (429, {"Retry-After": "999999999"}, MANY, [600.0], []),
        (429, {"Retry-After": "9" * 5000}, MANY, [600.0], []),
        (429, {}, "no json of theirs", [60.0], []),
        (418, {"Retry-After": "300"}, BARRED, [], [300.0]),
        (418, {}, BARRED, [], [120.0]),
        (418, {"Retry-After": "soon"}, BARRED, [], [120.0]),
        (418, {"Retry-After": "-1"}, BARRED, [], [120.0]),
        (418, {"Retry-After": "9" * 400}, BARRED, [], [259_200.0]),
        (418, {}, {"code": -1003, "msg": "IP banned until 9999999999999."}, [], [259_200.0]),
        (418, {}, {"code": -1003, "msg": "IP banned until 1000000000000."}, [], [1.0]),
        (403, {}, "firewall", [], [120.0]),
    ],
)
async def test_throttling_reaches_the_whole_fleet(
    status: int, headers: dict[str, str], body: object, paused: list[float], banned: list[float]
) -> None:
    _, handler = answering(body, status, headers)
    admission = AlwaysYes()
    with pytest.raises((errors.Throttled, errors.Banned)):
        await rest_over(handler, admission).call(endpoints.TIME, [], raw)
    assert (admission.paused, admission.banned) == (paused, banned)
    assert len(admission.settled) == 1


def test_a_pause_doubles_while_nothing_succeeds_in_between() -> None:
    async def main() -> None:
        statuses = iter([429, 429, 429, 429, 200, 429, 429])

        def handler(request: httpx.Request) -> httpx.Response:
            return httpx.Response(next(statuses), json={}, headers={"Retry-After": "2"})

        admission = AlwaysYes()
        rest = rest_over(handler, admission)
        told: list[float] = []
        for pause_s in (2, 4, 0, 8, 0, 2, 0):
            try:
                await rest.call(endpoints.TIME, [], raw)
            except errors.Throttled as error:
                told.append(error.retry_after_s)
            await anyio.sleep(pause_s)
        # The fourth was on its way when the third's pause began.
        assert told == admission.paused == [2, 4, 8, 8, 2, 4]

    run_virtual(main)


async def test_a_ban_lasts_until_the_moment_its_message_names() -> None:
    until = EPOCH_US // 1000 + 90_000
    _, handler = answering({"code": -1003, "msg": f"Way too many requests; IP banned until {until}."}, 418)
    admission = AlwaysYes()
    with pytest.raises(errors.Banned):
        await rest_over(handler, admission).call(endpoints.TIME, [], raw)
    assert 85 < admission.banned[0] <= 90


@pytest.mark.parametrize(
    ("error", "endpoint", "kind", "sent"),
    [
        (httpx.ConnectError("refused"), endpoints.NEW_ORDER, errors.Unavailable, 0),
        (httpx.ConnectTimeout("slow"), endpoints.NEW_ORDER, errors.Unavailable, 0),
        (httpx.ReadTimeout("slow"), endpoints.NEW_ORDER, errors.OutcomeUnknown, 1),
        (httpx.RemoteProtocolError("cut"), endpoints.CANCEL_ORDER, errors.OutcomeUnknown, 1),
        (httpx.ReadError("cut"), endpoints.QUERY_ORDER, errors.Unavailable, 2),
    ],
)
async def test_a_broken_way(
    error: Exception, endpoint: endpoints.Endpoint, kind: type[errors.VenueError], sent: int
) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error

    admission = AlwaysYes()
    with pytest.raises(errors.VenueError) as raised:
        await rest_over(handler, admission).call(endpoint, [("symbol", "A")], raw)
    assert type(raised.value) is kind
    assert (len(admission.settled), admission.released) == (sent, 0 if sent else 1)


@pytest.mark.parametrize("error", [httpx.ReadError("cut"), httpx.RemoteProtocolError("Server disconnected")])
@pytest.mark.parametrize(
    ("endpoint", "tries"), [(endpoints.QUERY_ORDER, 2), (endpoints.NEW_ORDER, 1), (endpoints.CANCEL_ORDER, 1)]
)
async def test_a_dead_connection_costs_a_read_one_more_try_signed_afresh_and_a_write_none(
    error: Exception, endpoint: endpoints.Endpoint, tries: int
) -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(dict(parse_qsl((request.content or request.url.query).decode()))["nonce"])
        if len(seen) == 1:
            raise error
        return httpx.Response(200, json={})

    admission = AlwaysYes()
    rest = rest_over(handler, admission)
    if tries == 1:
        with pytest.raises(errors.OutcomeUnknown):
            await rest.call(endpoint, [("symbol", "A")], raw)
    else:
        await rest.call(endpoint, [("symbol", "A")], raw)
    assert len(set(seen)) == len(seen) == tries
    assert (len(admission.asked), len(admission.settled), admission.released) == (tries, tries, 0)


@pytest.mark.parametrize(("is_urgent", "request_class"), [(True, RequestClass.CANCEL), (False, RequestClass.QUERY)])
async def test_the_second_try_of_what_was_urgent_is_urgent(is_urgent: bool, request_class: RequestClass) -> None:
    failures: list[Exception] = [httpx.ReadError("cut")]

    def handler(request: httpx.Request) -> httpx.Response:
        if failures:
            raise failures.pop()
        return httpx.Response(200, json={})

    admission, ticket = AlwaysYes(), Leave(Cost(1), is_urgent)
    await rest_over(handler, admission).call(endpoints.QUERY_ORDER, [("symbol", "A")], raw, ticket=ticket)
    assert admission.asked == [(request_class, Cost(1))]


async def test_a_read_that_was_sent_is_paid_for_and_its_second_try_that_finds_nobody_is_not() -> None:
    failures: list[Exception] = [httpx.ReadError("cut"), httpx.ConnectError("refused")]

    def handler(request: httpx.Request) -> httpx.Response:
        raise failures.pop(0)

    admission = AlwaysYes()
    with pytest.raises(errors.Unavailable):
        await rest_over(handler, admission).call(endpoints.QUERY_ORDER, [("symbol", "A")], raw)
    assert (len(admission.settled), admission.released) == (1, 1)


async def test_a_request_without_credentials_is_not_sent() -> None:
    seen, handler = answering({})
    admission = AlwaysYes()
    rest = Rest(http_client(httpx.MockTransport(handler)), "http://venue", Clock(EPOCH_US), admission)
    with pytest.raises(errors.BadCredentials):
        await rest.call(endpoints.BALANCE, [], raw)
    assert (seen, admission.released) == ([], 1)


async def test_an_answer_that_cannot_be_read_leaves_the_outcome_open() -> None:
    _, handler = answering({"serverTime": "noon"})
    trading = AsterTrading(rest_over(handler, AlwaysYes()), instruments("A"))
    with pytest.raises(errors.OutcomeUnknown):
        await trading.cancel(Cancel("A", "id"))


class Hanging(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await anyio.sleep(3600)
        raise AssertionError


@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [(endpoints.NEW_ORDER, errors.OutcomeUnknown), (endpoints.BALANCE, errors.Unavailable)],
)
async def test_a_venue_that_never_answers(endpoint: endpoints.Endpoint, kind: type[errors.VenueError]) -> None:
    clock, admission = Clock(EPOCH_US), AlwaysYes()
    auth = SignerAuth(signer(), clock)
    rest = Rest(http_client(Hanging()), "http://venue", clock, admission, auth, timeout_s=0.01)
    with pytest.raises(kind):
        await rest.call(endpoint, [("symbol", "A")], raw)
    assert len(admission.settled) == 1


async def test_a_cancelled_request_is_settled() -> None:
    clock, admission = Clock(EPOCH_US), AlwaysYes()
    rest = Rest(http_client(Hanging()), "http://venue", clock, admission, SignerAuth(signer(), clock))
    with anyio.move_on_after(0.01):
        await rest.call(endpoints.NEW_ORDER, [("symbol", "A")], raw)
    assert len(admission.settled) == 1
