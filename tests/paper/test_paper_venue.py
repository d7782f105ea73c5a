from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from still_market import ASTER, START_US, SYMBOL, Bench, StillMarket

from exchange.model import Side
from exchange.paper.answers import Request
from exchange.paper.market import OnTrade
from exchange.paper.routes import PUBLIC, SIGNED
from exchange.protocol import endpoints, payloads

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.book([(19_990, 1000), (19_980, 1000)], [(20_010, 1000), (20_020, 1000)])
    return bench


@pytest.mark.parametrize("version", ["v1", "v3"])
@pytest.mark.parametrize(
    ("name", "params", "shape"),
    [
        ("time", {}, payloads.ServerTime),
        ("exchangeInfo", {}, payloads.ExchangeInfoBody),
        ("depth", {"symbol": SYMBOL, "limit": 5}, payloads.DepthBody),
        ("trades", {"symbol": SYMBOL}, list[payloads.TradeRow]),
        ("ticker/price", {}, list[payloads.PriceRow]),
        ("ticker/price", {"symbol": SYMBOL}, payloads.PriceRow),
        ("ticker/bookTicker", {}, list[payloads.BookTickerRow]),
        ("ticker/bookTicker", {"symbol": SYMBOL}, payloads.BookTickerRow),
        ("premiumIndex", {"symbol": SYMBOL}, payloads.PremiumIndexRow),
        ("fundingInfo", {}, list[payloads.FundingInfoRow]),
    ],
)
def test_public_requests_answer_in_the_documented_shape(
    bench: Bench, version: str, name: str, params: dict[str, Any], shape: Any
) -> None:
    bench.order("BUY", None, "5")
    response = bench.send("GET", f"/fapi/{version}/{name}", params, signed=False)
    assert response.status == 200
    assert msgspec.json.decode(response.body, type=shape)


@pytest.mark.parametrize(
    ("name", "params", "shape"),
    [
        ("balance", {}, list[payloads.BalanceRow]),
        ("account", {}, payloads.AccountBody),
        ("accountWithJoinMargin", {}, payloads.AccountBody),
        ("positionRisk", {}, list[payloads.PositionRiskRow]),
        ("positionSide/dual", {}, payloads.PositionModeBody),
        ("multiAssetsMargin", {}, payloads.MultiAssetsBody),
        ("commissionRate", {"symbol": SYMBOL}, payloads.CommissionRateBody),
        ("userTrades", {"symbol": SYMBOL}, list[payloads.UserTradeRow]),
        ("income", {}, list[payloads.IncomeRow]),
        ("openOrders", {}, list[payloads.OrderBody]),
        ("allOrders", {"symbol": SYMBOL}, list[payloads.OrderBody]),
    ],
)
def test_signed_requests_answer_in_the_documented_shape(
    bench: Bench, name: str, params: dict[str, Any], shape: Any
) -> None:
    bench.order("BUY", None, "5")
    bench.order("BUY", "1.9", "5")
    response = bench.send("GET", f"/fapi/v3/{name}", params)
    assert response.status == 200
    assert msgspec.json.decode(response.body, type=shape)


def test_every_endpoint_in_the_table_is_served_or_unknown() -> None:
    served = {*PUBLIC, *SIGNED}
    bench = Bench()
    for endpoint in endpoints.ENDPOINTS:
        for path in (endpoint.path, endpoint.path.replace("/v3/", "/v1/"), endpoint.v1_path):
            status = bench.send(endpoint.method, path, signed=False).status
            assert (status == 404) == (endpoint not in served), (endpoint.name, path)


@pytest.mark.parametrize("name", ["balance", "account", "accountWithJoinMargin", "positionRisk"])
@pytest.mark.parametrize("version", ["v1", "v2", "v3", "v4"])
def test_money_and_positions_are_served_under_every_version(bench: Bench, version: str, name: str) -> None:
    assert bench.send("GET", f"/fapi/{version}/{name}").status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/fapi/v3/nonsense"),
        ("GET", "/fapi/v2/depth"),
        ("POST", "/fapi/v1/depth"),
        ("PATCH", "/fapi/v3/order"),
        ("GET", "/"),
    ],
)
def test_unknown_paths_and_methods_are_404(method: str, path: str) -> None:
    response = Bench().send(method, path, signed=False)
    assert response.status == 404
    assert msgspec.json.decode(response.body) == {"code": -5000, "msg": f"Path {path}, Method {method} is invalid"}


TEXTS = st.text(max_size=20)


@given(
    st.sampled_from(endpoints.ENDPOINTS),
    st.dictionaries(
        st.sampled_from(
            ["symbol", "limit", "orderId", "origClientOrderId", "price", "quantity", "side", "type", "timeInForce",
             "leverage", "fromId", "stopPrice", "callbackRate", "closePosition", "pegPriceType", "countdownTime",
             "windowTimeInMilliseconds", "frozenTimeInMilliseconds", "stpMode", "endTime", "startTime", "batchOrders",
             "orderIdList", "newClientOrderId", "reduceOnly", "amount", "positionSide", "marginType", "incomeType",
             "autoCloseType", "dualSidePosition", "multiAssetsMargin"]
        ),
        st.one_of(TEXTS, st.sampled_from([SYMBOL, "BUY", "LIMIT", "STOP", "GTC", "1", "1.9", "true", "ISOLATED", "LONG", "1e400", "-5", "[1]", "[{}]", "[[]]"])),
    ),
)  # fmt: skip
def test_nothing_a_client_sends_breaks_the_venue(endpoint: endpoints.Endpoint, params: dict[str, str]) -> None:
    bench = SHARED
    bench.wait(60)
    assert bench.send(endpoint.method, endpoint.path, params).status in (200, 400, 404)


SHARED = Bench()


@given(st.binary(max_size=60), st.text(max_size=60), st.sampled_from(["GET", "POST", "PATCH", "ÄÖ"]))
def test_garbage_is_answered(body: bytes, query: str, method: str) -> None:
    SHARED.wait(60)
    response = SHARED.venue.handle(Request(method, "/fapi/v3/order", query, body), SHARED.now_us)
    assert response.status in (400, 404)


# Money


def test_an_account_shows_what_happened_to_it(bench: Bench) -> None:
    bench.ask("POST", "leverage", symbol=SYMBOL, leverage=10)
    bench.order("BUY", "2.0000", "10")
    bench.hit(SELL, 20_000, 1000)
    bench.order("SELL", None, "4")
    fees = Decimal("0.00200000") + Decimal("0.00279860")
    realised = Decimal("-0.004")
    assert (bench.books.realised, bench.books.fees) == (realised, fees)
    assert bench.books.wallet == 10_000 + realised - fees
    risk = bench.ask("GET", "positionRisk", symbol=SYMBOL)[0]
    assert (risk["positionAmt"], risk["entryPrice"], risk["leverage"]) == ("6.00", "2.00000000", "10")
    account = bench.ask("GET", "account")
    assert Decimal(account["totalWalletBalance"]) == bench.books.wallet
    assert account["totalInitialMargin"] == "1.20000000"
    trades = bench.ask("GET", "userTrades", symbol=SYMBOL)
    assert [(each["maker"], each["commission"], each["realizedPnl"]) for each in trades] == [
        (True, "0.00200000", "0"),
        (False, "0.00279860", "-0.00400000"),
    ]
    assert bench.ask("GET", "userTrades", symbol=SYMBOL, fromId=trades[1]["id"]) == trades[1:]
    kinds = [each["incomeType"] for each in bench.ask("GET", "income")]
    assert kinds == ["TRANSFER", "COMMISSION", "REALIZED_PNL", "COMMISSION"]


def test_funding_is_paid_at_its_interval() -> None:
    bench = Bench(funding_interval_s=60, funding_rate=Decimal("0.001"))
    bench.book(asks=[(20_000, 1000)])
    bench.order("BUY", None, "10")
    line = bench.user_line()
    bench.frames()
    wallet = bench.books.wallet
    bench.wait(60)
    assert bench.books.wallet == wallet - Decimal("0.02")
    assert bench.books.funding == Decimal("-0.02")
    update = bench.frames()[-1]
    assert update["e"] == "ACCOUNT_UPDATE"
    assert (update["a"]["m"], update["a"]["B"][0]["bc"], update["a"]["P"]) == ("FUNDING_FEE", "-0.02000000", [])
    assert line


def test_who_cannot_hold_his_position_is_closed_out() -> None:
    bench = Bench(balances={"USDT": Decimal(10)})
    bench.book([(18_000, 100_000)], [(20_000, 100_000)])
    bench.order("BUY", None, "50")
    bench.order("BUY", "1.9", "5")
    bench.user_line()
    bench.frames()
    bench.market.mark_ticks = 18_000
    bench.wait(1)
    assert bench.books.position_lots(SYMBOL) == 0
    assert bench.ask("GET", "openOrders") == []
    events = [frame["o"] for frame in bench.frames() if frame["e"] == "ORDER_TRADE_UPDATE"]
    assert [(each["x"], each["X"]) for each in events] == [
        ("CANCELED", "CANCELED"), ("NEW", "NEW"), ("CALCULATED", "FILLED"),
    ]  # fmt: skip
    assert events[-1]["c"].startswith("autoclose-")
    cleared = 10 + bench.books.realised - bench.books.fees
    assert cleared < 0
    assert bench.books.wallet == 0
    (insurance,) = bench.ask("GET", "income", incomeType="INSURANCE_CLEAR")
    assert Decimal(insurance["income"]) == -cleared


# Symbols


def test_listed_symbols_open_when_they_are_first_asked_for() -> None:
    bench = Bench(SYMBOL, listed=("BTCUSDT", "SANDUSDT"))
    assert [each["symbol"] for each in bench.public("exchangeInfo")["symbols"]][:2] == [SYMBOL, "BTCUSDT"]
    assert list(bench.markets) == [SYMBOL]
    assert bench.public("ticker/price", symbol="BTCUSDT")["symbol"] == "BTCUSDT"
    assert list(bench.markets) == [SYMBOL, "BTCUSDT"]
    assert bench.public("ticker/price", symbol="ETHUSDT")["code"] == -1121
    assert bench.public("ticker/price", symbol="SANDUSDT")["code"] == -4140
    with pytest.raises(ValueError, match="no such symbols: NOPE"):
        Bench("NOPE")


def test_where_the_market_stands_still_orders_are_refused_and_can_be_taken_out(bench: Bench) -> None:
    resting = bench.order("BUY", "1.9", "5")
    bench.venue.stirred(SYMBOL, is_frozen=True, now_us=bench.now_us)
    row = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "1.9", "quantity": "5"}
    refusal = {"code": -1001, "msg": "Internal error; unable to process your request. Please try again."}
    assert bench.ask("POST", "order", **row) == refusal
    assert bench.ask("POST", "batchOrders", batchOrders=msgspec.json.encode([row]).decode()) == refusal
    assert bench.ask("POST", "batchOrders", batchOrders=str([row])) == refusal
    escaped = msgspec.json.encode([row]).decode().replace('"symbol"', '"s\\u0079mbol"')
    assert bench.ask("POST", "batchOrders", batchOrders=escaped) == refusal
    assert bench.ask("PUT", "order", symbol=SYMBOL, orderId=resting["orderId"], price="1.8", quantity="5") == refusal
    bench.listen("!markPrice@arr@1s")
    bench.wait(2)
    assert bench.frames() == []
    assert bench.ask("DELETE", "order", symbol=SYMBOL, orderId=resting["orderId"])["status"] == "CANCELED"
    bench.venue.stirred(SYMBOL, is_frozen=False, now_us=bench.now_us)
    assert bench.order("BUY", "1.9", "5")["status"] == "NEW"


DEEP = "[" * 50_000


@pytest.mark.parametrize(
    ("method", "name", "params"),
    [
        ("POST", "batchOrders", {"batchOrders": DEEP}),
        ("DELETE", "batchOrders", {"symbol": SYMBOL, "orderIdList": DEEP}),
        ("DELETE", "batchOrders", {"symbol": SYMBOL, "origClientOrderIdList": DEEP}),
    ],
)
def test_a_list_nested_beyond_reason_is_refused(bench: Bench, method: str, name: str, params: dict[str, str]) -> None:
    answer = bench.send(method, f"/fapi/v3/{name}", params)
    assert answer.status == 400
    [given] = [each for each in params if each != "symbol"]
    refusal = {"code": -1130, "msg": f"Data sent for parameter '{given}' is not valid."}
    assert msgspec.json.decode(answer.body) == refusal


def test_a_body_nested_beyond_reason_is_refused_and_weighs_what_others_do(bench: Bench) -> None:
    json_body = {"content-type": "application/json"}
    request = Request("POST", "/fapi/v3/order", body=('{"a":' + DEEP).encode(), headers=json_body)
    answer = bench.venue.handle(request, bench.now_us)
    assert (answer.status, answer.headers["x-mbx-used-weight-1m"]) == (400, "1")


@pytest.mark.parametrize("key", ['"symbol"', '"s\\u0079mbol"'])
def test_every_order_of_a_batch_is_counted_however_it_is_written(bench: Bench, key: str) -> None:
    row = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "1.9", "quantity": "5"}
    for name, count in (("symbol", "1"), ("b", "4")):
        rows = [row | {"newClientOrderId": f"{name}{number or ''}"} for number in range(1 if name == "symbol" else 3)]
        text = msgspec.json.encode(rows).decode().replace('"symbol"', key)
        answer = bench.send("POST", "/fapi/v3/batchOrders", {"batchOrders": text})
        assert answer.headers["x-mbx-order-count-10s"] == count
        assert all(each["status"] == "NEW" for each in msgspec.json.decode(answer.body))


CLOSED = {"code": -4141, "msg": "Symbol is closed"}
NOT_OPENING = {"code": -4140, "msg": "Invalid symbol status for opening position"}


@pytest.mark.parametrize(
    ("status", "opening", "reducing"),
    [
        ("TRADING", "FILLED", "FILLED"),
        ("PRE_SETTLE", NOT_OPENING, "FILLED"),
        ("SETTLING", NOT_OPENING, NOT_OPENING),
        ("CLOSE", CLOSED, CLOSED),
    ],
)
def test_what_a_symbols_status_lets_in(bench: Bench, status: str, opening: object, reducing: object) -> None:
    assert bench.order("BUY", None, "5")["status"] == "FILLED"
    bench.venue.engine.change_rules(SYMBOL, status, {})
    answers = bench.order("BUY", None, "5"), bench.order("SELL", None, "5", reduceOnly="true")
    assert tuple(answer.get("status", answer) for answer in answers) == (opening, reducing)


def test_before_a_symbol_settles_what_reduces_a_position_stays_and_trades() -> None:
    class Moving(StillMarket):
        """Somebody sells after a second."""

        due_us: int | None = START_US + 1_000_000

        def next_us(self) -> int | None:
            return self.due_us

        def advance(self, now_us: int, on_trade: OnTrade) -> None:
            self.due_us = None
            self.hit(BUY, None, 500, now_us, on_trade)

    market = Moving(ASTER)
    bench = Bench(open_market=lambda instrument, now_us: market)
    market.quote(SELL, 20_010, 1000)
    assert bench.order("BUY", None, "10")["status"] == "FILLED"
    bench.order("BUY", "1.9", "5")
    bench.order("SELL", "2.0000", "5", reduceOnly="true")
    bench.venue.engine.change_rules(SYMBOL, "PRE_SETTLE", {})
    assert [each["side"] for each in bench.ask("GET", "openOrders", symbol=SYMBOL)] == ["SELL"]
    bench.wait(1)
    assert (bench.ask("GET", "openOrders", symbol=SYMBOL), bench.books.position_lots(SYMBOL)) == ([], 500)
