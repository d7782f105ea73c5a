from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import anyio
import httpx
import pytest
from fault_house import FaultHouse, open_fault_house
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from still_market import START_US, SYMBOL, Bench

from exchange.asgi import serve
from exchange.model import Side
from exchange.paper.admin import AdminApp
from exchange.paper.config import KnownAccount
from exchange.paper.fault_settings import FaultSettings, LogNormal
from exchange.paper.runner import Runner

TOKEN = "let-me-in-1234"
LIMIT = {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 5}


@dataclass(slots=True)
class Panel:
    house: FaultHouse
    admin: httpx.AsyncClient

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        answer = await self.admin.request(method, path, json=body)
        return answer.status_code, answer.json()


@pytest.fixture
async def panel() -> AsyncGenerator[Panel]:
    with anyio.fail_after(30):
        async with open_fault_house("sockets") as house, anyio.create_task_group() as tasks:
            port: int = await tasks.start(serve, AdminApp(house.runner, TOKEN), "127.0.0.1", 0)
            headers = {"authorization": f"Bearer {TOKEN}"}
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False
            ) as admin:
                yield Panel(house, admin)
            tasks.cancel_scope.cancel()


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer nonsense", f"Basic {TOKEN}", f"bearer {TOKEN}", TOKEN])
async def test_without_the_token_nothing_is_told_or_done(panel: Panel, given: str) -> None:
    headers = {"authorization": given}
    for method, path in (("GET", "/state"), ("PUT", "/faults"), ("POST", "/restart"), ("GET", "/nowhere")):
        answer = await panel.admin.request(method, path, json={}, headers=headers)
        assert answer.status_code == 401
        assert answer.json() == {"error": "the admin token is wanted: Authorization: Bearer TOKEN"}
    assert panel.house.runner.down_for_s() == 0


async def test_faults_are_told_set_and_switched_off(panel: Panel) -> None:
    wanted = {"to_venue": {"shape": "lognormal", "median_ms": 1, "sigma": 0.1}, "answer_503_not_executed": 1}
    status, told = await panel.ask("PUT", "/faults", wanted)
    assert status == 200
    assert told == (await panel.ask("GET", "/faults"))[1]
    assert (told["to_venue"], told["answer_503_not_executed"], told["event_dropped"]) == (
        {"shape": "lognormal", "median_ms": 1.0, "sigma": 0.1},
        1.0,
        0.0,
    )
    assert panel.house.runner.faults.settings == FaultSettings(
        to_venue=LogNormal(median_ms=1, sigma=0.1), answer_503_not_executed=1
    )
    assert (await panel.house.place()).status_code == 503
    await panel.ask("PUT", "/faults", {})
    assert (await panel.house.place()).status_code == 200


async def test_one_thing_goes_wrong_once(panel: Panel) -> None:
    assert await panel.ask("POST", "/faults/once", {"fault": "requests", "answer": "503", "executed": True}) == (
        200,
        {
            "fault": "requests",
            "answer": "503",
            "executed": True,
            "count": 1,
            "path": "",
            "retry_after_s": None,
            "after_s": 0.0,
        },
    )
    assert (await panel.ask("GET", "/state"))[1]["faulty_requests_left"] == 1
    assert ((await panel.house.place()).status_code, panel.house.orders) == (503, 1)
    assert (await panel.ask("GET", "/state"))[1]["faulty_requests_left"] == 0


async def test_a_restart_and_the_end_of_listen_keys(panel: Panel) -> None:
    async with panel.house.line(await panel.house.user_path()) as line:
        assert (await panel.ask("POST", "/listen-keys/expire", {}))[0] == 200
        assert json.loads(await line.recv())["e"] == "listenKeyExpired"
    assert (await panel.ask("POST", "/restart", {"for_s": 60}))[0] == 200
    assert 55 < (await panel.ask("GET", "/state"))[1]["restarting_for_s"] <= 60
    with pytest.raises(httpx.TransportError):
        await panel.house.place()


async def test_a_symbol_settles_and_trades_again(panel: Panel) -> None:
    house = panel.house
    await house.place()
    async with house.line(await house.user_path()) as line:
        assert await panel.ask("POST", f"/symbols/{SYMBOL}", {"status": "SETTLING"}) == (
            200,
            {"symbol": SYMBOL, "status": "SETTLING"},
        )
        assert json.loads(await line.recv())["o"]["X"] == "CANCELED"
    assert house.orders == 0
    info = (await house.http.get("/fapi/v3/exchangeInfo")).json()
    assert info["symbols"][0]["status"] == "SETTLING"
    refused = await house.place()
    assert (refused.status_code, refused.json()) == (
        400,
        {"code": -4140, "msg": "Invalid symbol status for opening position"},
    )
    assert (await panel.ask("GET", "/state"))[1]["symbols"] == {SYMBOL: "SETTLING"}
    await panel.ask("POST", f"/symbols/{SYMBOL}", {"status": "TRADING"})
    assert (await house.place()).status_code == 200


async def test_limits_change_are_stated_at_once_and_may_be_enforced_later(panel: Panel) -> None:
    house = panel.house
    orders = {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1}
    weight = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400}
    assert len((await panel.ask("GET", "/limits"))[1]["limits"]) == 3
    body = {"limits": [weight, orders], "enforced_after_s": 3600}
    assert await panel.ask("PUT", "/limits", body) == (200, {"limits": [weight, orders]})
    assert (await house.http.get("/fapi/v3/exchangeInfo")).json()["rateLimits"] == [weight, orders]
    assert [(await house.place()).status_code for _ in range(2)] == [200, 200]
    await panel.ask("PUT", "/limits", {"limits": [weight, orders]})
    assert (await house.place()).status_code == 429


async def test_money_is_paid_in_and_told(panel: Panel) -> None:
    house = panel.house
    address = house.bench.books.address
    async with house.line(await house.user_path()) as line:
        body = {"asset": "USDT", "amount": "12.5"}
        assert await panel.ask("POST", f"/accounts/{address}/deposit", body) == (
            200,
            {"address": address, "balances": {"USDT": "10012.5"}},
        )
        told = json.loads(await line.recv())["a"]
    assert (told["m"], told["B"][0]["wb"], told["B"][0]["bc"], told["P"]) == ("DEPOSIT", "10012.5", "12.5", [])
    assert house.bench.books.income[-1].kind == "TRANSFER"
    assert (await panel.ask("GET", "/state"))[1]["accounts"][address] == {
        "balances": {"USDT": "10012.5"},
        "open_orders": 0,
    }


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("PUT", "/faults", {"event_dropped": 2}, 400, "Expected `float` <= 1.0 - at `$.event_dropped`"),
        ("PUT", "/faults", {"nonsense": 2}, 400, "unknown field `nonsense`"),
        ("PUT", "/faults", None, 400, "the body is not usable"),
        ("PUT", "/faults", [], 400, "Expected `object`, got `array`"),
        ("POST", "/faults/once", {"fault": "flood"}, 400, "Invalid value 'flood' - at `$.fault`"),
        ("POST", "/restart", {"for_s": "long"}, 400, "Expected `float`, got `str` - at `$.for_s`"),
        ("POST", f"/symbols/{SYMBOL}", {"status": "GONE"}, 400, "GONE is no status; there are PENDING_TRADING"),
        ("POST", f"/symbols/{SYMBOL}", {"filters": {"LOT": {"size": "1"}}}, 400, "LOT.size is no filter; there are"),
        (
            "POST",
            f"/symbols/{SYMBOL}",
            {"filters": {"PRICE_FILTER": {"minPrice": 10, "maxPrice": 1}}},
            400,
            "PRICE_FILTER.minPrice 10 is above maxPrice 1",
        ),
        (
            "POST",
            f"/symbols/{SYMBOL}",
            {"filters": {"PERCENT_PRICE": {"multiplierUp": "0"}}},
            400,
            "PERCENT_PRICE.multiplierDown 0.9500 is above multiplierUp 0",
        ),
        (
            "POST",
            f"/symbols/{SYMBOL}",
            {"filters": {"PERCENT_PRICE": {"multiplierUp": "0", "multiplierDown": "0"}}},
            400,
            "PERCENT_PRICE.multiplierUp 0 lets no price be",
        ),
        ("POST", f"/symbols/{SYMBOL}", {"filters": {"LOT_SIZE": {"maxQty": "0"}}}, 400, "is above maxQty 0"),
        ("POST", f"/symbols/{SYMBOL}", {"filters": {"PRICE_FILTER": {"tickSize": "x"}}}, 400, "x is no number"),
        ("POST", f"/symbols/{SYMBOL}", {"filters": {"PRICE_FILTER": {"tickSize": "0"}}}, 400, "size of 0 is none"),
        ("POST", f"/symbols/{SYMBOL}", {"filters": {"PRICE_FILTER": {"tickSize": "0.00015"}}}, 400, "no multiple of"),
        ("PUT", "/limits", {"limits": [LIMIT, LIMIT]}, 400, "a limiter is named twice: ORDERS_1M, ORDERS_1M"),
        ("PUT", "/limits", {"limits": [LIMIT | {"limit": 0}]}, 400, "Expected `int` >= 1"),
        ("PUT", "/limits", {"limits": [LIMIT | {"interval": "YEAR"}]}, 400, "Invalid enum value 'YEAR'"),
        ("POST", "/symbols/NOUSDT", {"status": "TRADING"}, 404, "NOUSDT is not listed here"),
        ("POST", "/accounts/me/deposit", {"asset": "USDT", "amount": "1"}, 400, "me is no address"),
        ("POST", f"/accounts/0x{'1' * 40}/deposit", {"asset": "USDT", "amount": "-1"}, 400, "amount is above 0"),
        ("POST", f"/accounts/0x{'1' * 40}/deposit", {"asset": "USDT", "amount": "NaN"}, 400, "amount is above 0"),
        (
            "POST",
            f"/accounts/0x{'1' * 40}/deposit",
            {"asset": "GOLD", "amount": "1"},
            400,
            "GOLD is no asset here; there are USDT, USDF, USDC, USD1",
        ),
        ("GET", "/nowhere", None, 404, "no such path; there are /state, /faults, /faults/once"),
        ("DELETE", "/faults", None, 405, "/faults is for GET and PUT"),
    ],
)
async def test_bad_input_is_told_in_one_sentence_and_changes_nothing(
    panel: Panel, method: str, path: str, body: object, status: int, words: str
) -> None:
    before = await panel.ask("GET", "/faults")
    got, answer = await panel.ask(method, path, body)
    assert (got, list(answer)) == (status, ["error"])
    assert words in answer["error"]
    assert "\n" not in answer["error"]
    assert await panel.ask("GET", "/faults") == before
    assert (await panel.house.place()).status_code == 200


async def test_where_accounts_are_listed_nobody_else_is_paid() -> None:
    mine, other = f"0x{'A' * 40}", f"0x{'b' * 40}"
    known = KnownAccount(name="mine", user=mine, balances={"GOLD": Decimal(1)})
    bench = Bench(accounts=(known,))
    transport = httpx.ASGITransport(AdminApp(Runner(bench.venue, lambda: START_US), TOKEN))
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://admin", headers=headers) as admin:
        body = {"asset": "GOLD", "amount": "1"}
        paid = await admin.post(f"/accounts/{mine}/deposit", json=body)
        refused = await admin.post(f"/accounts/{other}/deposit", json=body)
        state = (await admin.get("/state")).json()
    assert (paid.status_code, paid.json()["balances"]) == (200, {"GOLD": "2", "USDT": "0"})
    assert (refused.status_code, refused.json()) == (404, {"error": f"{other} has no account here"})
    assert list(state["accounts"]) == [mine.lower()]


PATHS = ["/state", "/faults", "/faults/once", "/restart", "/listen-keys/expire", f"/symbols/{SYMBOL}"]
PATHS.append(f"/accounts/0x{'2' * 40}/deposit")
KEYS = ["fault", "answer", "count", "for_s", "address", "status", "filters", "asset", "amount", "reset_every_s", "code"]
JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(["503", "cut"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=5)), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    method=st.sampled_from(["GET", "PUT", "POST"]),
    path=st.sampled_from(PATHS),
    body=st.one_of(st.binary(max_size=30), JSON.map(lambda value: json.dumps(value).encode())),
)
async def test_no_body_breaks_it(method: str, path: str, body: bytes) -> None:
    app = AdminApp(Runner(Bench().venue, lambda: START_US), TOKEN)
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(b"authorization", f"Bearer {TOKEN}".encode())],
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] in (200, 400, 405)
    json.loads(sent[1]["body"])


# Filters


FILTERS: list[tuple[dict[str, Any], dict[str, Any], int]] = [
    ({"PRICE_FILTER": {"tickSize": "0.01000"}}, {"price": "1.95"}, 200),
    ({"PRICE_FILTER": {"tickSize": "0.01000"}}, {"price": "1.955"}, -4014),
    ({"PRICE_FILTER": {"maxPrice": "1.94"}}, {"price": "1.95"}, -4002),
    ({"LOT_SIZE": {"stepSize": "5"}}, {"quantity": "10"}, 200),
    ({"LOT_SIZE": {"stepSize": "5"}}, {"quantity": "12"}, -4023),
    ({"LOT_SIZE": {"minQty": "20"}}, {"quantity": "10"}, -4004),
    ({"LOT_SIZE": {"maxQty": "9"}}, {"quantity": "10"}, -4005),
    ({"MIN_NOTIONAL": {"notional": "20"}}, {"quantity": "10"}, -4164),
    ({"MAX_NUM_ORDERS": {"limit": 1}}, {}, -2025),
]


@pytest.mark.parametrize(("filters", "order", "outcome"), FILTERS)
def test_a_changed_filter_holds_for_new_orders_and_leaves_old_ones(
    filters: dict[str, Any], order: dict[str, Any], outcome: int
) -> None:
    bench = Bench()
    bench.book([(19_990, 1000)], [(20_010, 1000)])
    old = bench.order("BUY", "1.9577", "7")
    bench.venue.engine.change_rules(SYMBOL, None, filters)
    shown = {each["filterType"]: each for each in bench.public("exchangeInfo")["symbols"][0]["filters"]}
    for kind, fields in filters.items():
        assert {name: shown[kind][name] for name in fields} == fields
    answer = bench.order("BUY", **{"price": "1.95", "quantity": "10"} | order)
    assert answer.get("code", 200) == outcome
    assert old["orderId"] in [each["orderId"] for each in bench.ask("GET", "openOrders", symbol=SYMBOL)]
    bench.hit(Side.SELL, 19_577, 1_000_000)
    assert bench.books.position_lots(SYMBOL) > 0


def test_orders_are_refused_while_a_symbol_does_not_trade() -> None:
    bench = Bench()
    bench.book([(19_990, 1000)], [(20_010, 1000)])
    bench.venue.engine.change_rules(SYMBOL, "SETTLING", {})
    assert bench.order("BUY", "1.95", "10")["code"] == -4140
    bench.venue.engine.change_rules(SYMBOL, "TRADING", {"MIN_NOTIONAL": {"notional": "6"}})
    assert bench.venue.engine.listing(SYMBOL).instrument.min_notional == Decimal(6)
    assert bench.order("BUY", "1.95", "10")["status"] == "NEW"
