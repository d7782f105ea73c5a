"""What is told of an account's past, its fees, transfers, and the balances it shows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from still_market import START_US, SYMBOL, Bench

from exchange.model import Side
from exchange.paper.config import Fees

DAY_S = 24 * 3600
DAY_MS = DAY_S * 1000
START_MS = START_US // 1000


@pytest.fixture(scope="module")
def bench() -> Bench:
    """Three buys: at once, after four days, and after eight; now is after nine."""
    bench = Bench(funding_rate=Decimal(0))
    bench.book(asks=[(20_000, 1_000_000)])
    for days in (4, 4, 1):
        bench.order("BUY", None, "10")
        bench.wait(days * DAY_S)
    return bench


@pytest.mark.parametrize(
    ("params", "trades"),
    [
        ({}, [2, 3]),
        ({"limit": 1}, [3]),
        ({"fromId": 0}, [1, 2, 3]),
        ({"fromId": 0, "limit": 2}, [1, 2]),
        ({"startTime": START_MS}, [1, 2]),
        ({"startTime": START_MS, "limit": 1}, [1]),
        ({"endTime": START_MS + DAY_MS}, [1]),
        ({"startTime": START_MS + DAY_MS, "endTime": START_MS + 8 * DAY_MS}, [2, 3]),
        ({"startTime": START_MS, "endTime": START_MS + 7 * DAY_MS + 1}, -4165),
        ({"startTime": START_MS + 1, "endTime": START_MS}, -1023),
        ({"fromId": 0, "startTime": START_MS}, -1128),
        ({"fromId": 0, "endTime": START_MS}, -1128),
        ({"startTime": "x"}, -1102),
    ],
)
def test_trades_are_listed_by_id_or_by_no_more_than_a_week(
    bench: Bench, params: dict[str, Any], trades: list[int] | int
) -> None:
    answer = bench.ask("GET", "userTrades", symbol=SYMBOL, **params)
    assert (answer["code"] if isinstance(trades, int) else [row["id"] for row in answer]) == trades


@pytest.mark.parametrize(
    ("params", "kinds"),
    [
        ({"incomeType": "COMMISSION"}, 2),
        ({"incomeType": "COMMISSION", "startTime": START_MS}, 3),
        ({"incomeType": "COMMISSION", "endTime": START_MS + 9 * DAY_MS}, 3),
        ({"incomeType": "COMMISSION", "startTime": START_MS, "endTime": START_MS + DAY_MS}, 1),
        ({"incomeType": "TRANSFER", "startTime": START_MS}, 1),
        ({"symbol": SYMBOL, "startTime": START_MS, "incomeType": "TRANSFER"}, 0),
        ({"startTime": START_MS, "limit": 2}, 2),
        ({"symbol": "NOSUCH"}, -1121),
        ({"incomeType": "NONE"}, -1130),
        ({"startTime": 2, "endTime": 1}, -1023),
    ],
)
def test_income_is_filtered(bench: Bench, params: dict[str, Any], kinds: int) -> None:
    answer = bench.ask("GET", "income", **params)
    assert (answer["code"] if isinstance(answer, dict) else len(answer)) == kinds


def test_income_begins_where_it_is_asked_to_and_ends_with_the_newest_otherwise(bench: Bench) -> None:
    everything = bench.ask("GET", "income", startTime=START_MS, limit=1000)
    assert bench.ask("GET", "income", startTime=START_MS, limit=2) == everything[:2]
    assert bench.ask("GET", "income", limit=2) == everything[-2:]
    assert everything[0] == {
        "symbol": "", "incomeType": "TRANSFER", "income": "10000", "asset": "USDT", "info": "TRANSFER",
        "time": START_MS, "tranId": "1", "tradeId": "",
    }  # fmt: skip


# Fees


@pytest.mark.parametrize(
    ("symbol_fees", "own", "maker", "taker"),
    [
        ({}, None, "0.0001", "0.00035"),
        ({SYMBOL: Fees(Decimal("-0.00005"), Decimal("0.0003"))}, None, "-0.00005", "0.0003"),
        ({SYMBOL: Fees(Decimal(1), Decimal(1))}, Fees(Decimal(0), Decimal("0.0002")), "0", "0.0002"),
    ],
)
def test_fees_are_the_accounts_own_or_the_symbols_or_everybodys(
    symbol_fees: dict[str, Fees], own: Fees | None, maker: str, taker: str
) -> None:
    bench = Bench(symbol_fees=symbol_fees)
    bench.books.own_fees = own
    rates = bench.ask("GET", "commissionRate", symbol=SYMBOL)
    assert rates == {"symbol": SYMBOL, "makerCommissionRate": maker, "takerCommissionRate": taker}
    bench.book(asks=[(20_000, 1000)])
    bench.order("BUY", None, "10")
    bench.order("BUY", "1.9000", "10")
    bench.hit(Side.SELL, 19_000, 1000)
    paid = [Decimal(row["commission"]) for row in bench.ask("GET", "userTrades", symbol=SYMBOL)]
    assert paid == [20 * Decimal(taker), 19 * Decimal(maker)]


# Transfers


def test_transfers_are_noted_and_told() -> None:
    bench = Bench(balances={"USDT": Decimal(100)})
    bench.user_line()
    bench.frames()
    bench.venue.engine.transfer(bench.books, "USDT", Decimal("50.5"))
    bench.venue.engine.transfer(bench.books, "USDF", Decimal(3))
    bench.venue.engine.transfer(bench.books, "USDT", Decimal("-150.5"))
    told = [frame["a"] for frame in bench.frames()]
    assert [(each["m"], each["B"][0]["a"], each["B"][0]["wb"], each["B"][0]["bc"]) for each in told] == [
        ("DEPOSIT", "USDT", "150.5", "50.5"), ("DEPOSIT", "USDF", "3", "3"), ("WITHDRAW", "USDT", "0.0", "-150.5"),
    ]  # fmt: skip
    rows = [(row["incomeType"], row["asset"], row["income"]) for row in bench.ask("GET", "income")]
    assert rows[1:] == [("TRANSFER", "USDT", "50.5"), ("TRANSFER", "USDF", "3"), ("TRANSFER", "USDT", "-150.5")]


@pytest.mark.parametrize(
    ("asset", "amount", "most"), [("USDT", "-80.01", "80"), ("USDF", "-1", "0"), ("USDT", "0.000000001", "decimals")]
)
def test_margin_in_use_and_unpaid_profit_do_not_leave(asset: str, amount: str, most: str) -> None:
    bench = Bench(balances={"USDT": Decimal(100)}, taker_fee=Decimal(0))
    bench.book(asks=[(20_000, 100_000)])
    bench.order("BUY", None, "200")
    assert bench.ask("GET", "balance")[0]["maxWithdrawAmount"] == "80.00000000"
    with pytest.raises(ValueError, match=most):
        bench.venue.engine.transfer(bench.books, asset, Decimal(amount))
    bench.market.mark_ticks = 20_400
    bench.wait(1)
    assert bench.ask("GET", "balance")[0]["maxWithdrawAmount"] == "79.60000000"
    bench.venue.engine.transfer(bench.books, "USDT", Decimal("-79.6"))
    assert bench.books.wallet == Decimal("20.4")


# Funding


@pytest.mark.parametrize("isolated", [False, True])
def test_funding_of_an_isolated_position_comes_from_its_margin(isolated: bool) -> None:
    bench = Bench(funding_interval_s=60, funding_rate=Decimal("0.001"), taker_fee=Decimal(0))
    if isolated:
        bench.ask("POST", "marginType", symbol=SYMBOL, marginType="ISOLATED")
    bench.book(asks=[(20_000, 100_000)])
    bench.order("BUY", None, "100")
    bench.user_line()
    bench.frames()
    bench.wait(60)
    told = bench.frames()[-1]["a"]
    assert (told["m"], told["B"][0]["bc"]) == ("FUNDING_FEE", "-0.20000000")
    assert told["B"][0]["cw"] == ("9990.00000000" if isolated else "9999.80000000")
    assert [row["iw"] for row in told["P"]] == (["9.80000000"] if isolated else [])
    (row,) = bench.ask("GET", "income", incomeType="FUNDING_FEE")
    assert (row["income"], row["time"]) == ("-0.20000000", (START_US // 60_000_000 + 1) * 60_000)


# Shapes

MONEY = (
    "totalInitialMargin", "totalMaintMargin", "totalWalletBalance", "totalUnrealizedProfit", "totalMarginBalance",
    "totalPositionInitialMargin", "totalOpenOrderInitialMargin", "totalCrossWalletBalance", "totalCrossUnPnl",
    "availableBalance", "maxWithdrawAmount",
)  # fmt: skip


def test_an_account_adds_up_over_cross_and_isolated_positions() -> None:
    bench = Bench(SYMBOL, "ETHUSDT", taker_fee=Decimal(0))
    bench.ask("POST", "marginType", symbol=SYMBOL, marginType="ISOLATED")
    for market in bench.markets.values():
        market.quote(Side.SELL, 20_000, 100_000)
    bench.order("BUY", None, "100")
    bench.order("BUY", None, "0.1", symbol="ETHUSDT")
    bench.order("BUY", "1.9000", "100")
    bench.market.mark_ticks = 20_100
    bench.markets["ETHUSDT"].mark_ticks = 20_200
    bench.wait(1)
    body = bench.ask("GET", "accountWithJoinMargin")
    # ASTER: 201 at mark, 1 gained, 10 set aside; an order of 190. ETH: 202 at mark, 2 gained.
    assert {name: Decimal(body[name]) for name in MONEY} == {
        "totalInitialMargin": Decimal("29.65"), "totalMaintMargin": Decimal("2.1145"),
        "totalWalletBalance": 10_000, "totalUnrealizedProfit": 3, "totalMarginBalance": 10_003,
        "totalPositionInitialMargin": Decimal("20.15"), "totalOpenOrderInitialMargin": Decimal("9.5"),
        "totalCrossWalletBalance": 9_990, "totalCrossUnPnl": 2,
        "availableBalance": Decimal("9972.4"), "maxWithdrawAmount": Decimal("9970.4"),
    }  # fmt: skip
    (asset,) = body["assets"]
    for name in MONEY[:9]:
        one = name[5].lower() + name[6:]
        assert asset[one] == body[name]
    aster, eth = body["positions"]
    assert (aster["isolated"], eth["isolated"]) == (True, False)
    assert aster["maxNotional"] == "1000000"
    assert (aster["initialMargin"], aster["openOrderInitialMargin"]) == ("19.55000000", "9.50000000")
    assert bench.ask("GET", "account") == body


@pytest.mark.parametrize(
    "path",
    ["/fapi/v2/balance", "/fapi/v4/account", "/fapi/v2/account", "/fapi/v1/account", "/fapi/v2/positionRisk"],
)
def test_deployed_clients_find_their_versions(path: str) -> None:
    assert Bench().send("GET", path).status == 200


def test_what_was_only_looked_at_leaves_nothing_behind() -> None:
    bench = Bench()
    bench.ask("GET", "positionRisk")
    bench.ask("GET", "account")
    bench.ask("GET", "positionRisk", symbol=SYMBOL)
    assert bench.books.stakes == {}


SHAPES: dict[str, tuple[str, ...]] = {
    "balance": (
        "accountAlias", "asset", "balance", "crossWalletBalance", "crossUnPnl", "availableBalance",
        "maxWithdrawAmount", "marginAvailable", "updateTime",
    ),
    "account": ("feeTier", "canTrade", "canDeposit", "canWithdraw", "updateTime", *MONEY, "assets", "positions"),
    "account assets": (
        "asset", "walletBalance", "unrealizedProfit", "marginBalance", "maintMargin", "initialMargin",
        "positionInitialMargin", "openOrderInitialMargin", "crossWalletBalance", "crossUnPnl", "availableBalance",
        "maxWithdrawAmount", "marginAvailable", "updateTime",
    ),
    "account positions": (
        "symbol", "initialMargin", "maintMargin", "unrealizedProfit", "positionInitialMargin",
        "openOrderInitialMargin", "leverage", "isolated", "entryPrice", "maxNotional", "positionSide", "positionAmt",
        "updateTime",
    ),
    "positionRisk": (
        "entryPrice", "marginType", "isAutoAddMargin", "isolatedMargin", "leverage", "liquidationPrice", "markPrice",
        "maxNotionalValue", "positionAmt", "symbol", "unRealizedProfit", "positionSide", "updateTime",
    ),
    "income": ("symbol", "incomeType", "income", "asset", "info", "time", "tranId", "tradeId"),
    "userTrades": (
        "buyer", "commission", "commissionAsset", "id", "maker", "orderId", "price", "qty", "quoteQty", "realizedPnl",
        "side", "positionSide", "symbol", "time",
    ),
    "forceOrders": (
        "orderId", "symbol", "status", "clientOrderId", "price", "avgPrice", "origQty", "executedQty", "cumQuote",
        "timeInForce", "type", "reduceOnly", "closePosition", "side", "positionSide", "stopPrice", "workingType",
        "origType", "time", "updateTime",
    ),
    "positionMargin/history": ("amount", "asset", "symbol", "time", "type", "positionSide"),
}  # fmt: skip
"""Every field of the docs' examples (Account/Trades Endpoints)."""


@pytest.mark.parametrize("name", SHAPES)
def test_answers_have_the_documented_fields(name: str) -> None:
    bench = Bench(balances={"USDT": Decimal(20)})
    bench.ask("POST", "marginType", symbol=SYMBOL, marginType="ISOLATED")
    bench.book([(18_000, 100_000)], [(20_000, 100_000)])
    bench.order("BUY", None, "100")
    bench.ask("POST", "positionMargin", symbol=SYMBOL, amount="1", type=1)
    bench.market.mark_ticks = 18_000
    bench.wait(1)
    endpoint, _, part = name.partition(" ")
    answer = bench.ask("GET", endpoint, **({} if endpoint == "account" else {"symbol": SYMBOL}))
    rows = answer[part] if part else [answer] if endpoint == "account" else answer
    assert set(rows[0]) == set(SHAPES[name])
