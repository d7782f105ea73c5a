"""ccxt's `aster`, V3 signed: its whole order life against `astermm-fleet paper`, by changing hosts and nothing else.

Skipped where ccxt is not installed: `pip install ccxt`. Its signer is the user's own wallet.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import anyio
import pytest

ccxt: Any = pytest.importorskip("ccxt.pro", reason="ccxt is not installed", exc_type=ImportError)
_errors: Any = importlib.import_module("ccxt")

SYMBOL = "ASTER/USDT:USDT"
_PATIENCE_S = 20


@asynccontextmanager
async def client(card: dict[str, Any], name: str) -> AsyncGenerator[Any]:
    """A wallet of that name's, which the exchange has never heard of."""
    aster = ccxt.aster(
        {
            "privateKey": "0x" + sha256(name.encode()).hexdigest(),
            "options": {"defaultType": "swap"},
        }
    )

    async def no_spot_markets(params: object = None) -> dict[str, Any]:
        return {"symbols": [], "assets": [], "rateLimits": []}

    # It asks for the spot exchange's markets too, and there is none here.
    aster.sapiPublicGetV3ExchangeInfo = no_spot_markets
    rest, stream = card["rest"] + "/fapi", card["stream"]
    aster.urls["api"] |= {"fapiPublic": rest, "fapiPrivate": rest}
    aster.urls["api"]["ws"] = {"public": {"swap": f"{stream}/stream"}, "private": {"swap": f"{stream}/ws"}}
    try:
        with anyio.fail_after(_PATIENCE_S):
            yield aster
    finally:
        await aster.close()


async def test_markets_book_and_prices(card: dict[str, Any]) -> None:
    async with client(card, "looks") as aster:
        markets = await aster.load_markets()
        assert markets[SYMBOL]["precision"]["price"] == 0.0001
        assert markets[SYMBOL]["limits"]["cost"]["min"] == 5
        book = await aster.fetch_order_book(SYMBOL, 5)
        assert book["bids"][0][0] < book["asks"][0][0]
        ticker = await aster.fetch_ticker(SYMBOL)
        assert ticker["last"] > 0
        assert (await aster.fetch_bids_asks([SYMBOL]))[SYMBOL]["bid"] > 0
        assert (await aster.fetch_trades(SYMBOL)) is not None
        assert (await aster.fetch_ohlcv(SYMBOL, "1m", limit=3)) is not None
        assert (await aster.fetch_funding_rate(SYMBOL))["markPrice"] > 0
        assert await aster.fetch_funding_rate_history(SYMBOL) is not None
        assert (await aster.fetch_funding_intervals([SYMBOL]))[SYMBOL]["interval"] == "8h"
        assert await aster.fetch_time() > 0


async def test_an_order_is_placed_looked_up_and_cancelled(card: dict[str, Any]) -> None:
    async with client(card, "trades") as aster:
        await aster.load_markets()
        assert (await aster.fetch_balance())["USDT"]["total"] == 10_000
        bid = (await aster.fetch_order_book(SYMBOL, 5))["bids"][0][0]
        placed = await aster.create_order(SYMBOL, "limit", "buy", 20, bid * 0.98, {"clientOrderId": "ccxt-1"})
        assert placed["clientOrderId"] == "ccxt-1"
        found = await aster.fetch_order(placed["id"], SYMBOL)
        assert (found["status"], found["amount"]) == ("open", 20)
        assert [each["id"] for each in await aster.fetch_open_orders(SYMBOL)] == [placed["id"]]
        cancelled = await aster.cancel_order(placed["id"], SYMBOL)
        assert cancelled["status"] == "canceled"
        with pytest.raises(_errors.OrderNotFound):
            await aster.cancel_order(placed["id"], SYMBOL)


async def test_an_order_is_amended(card: dict[str, Any]) -> None:
    """ccxt has no unified amend of aster: its raw method is called."""
    async with client(card, "amends") as aster:
        await aster.load_markets()
        bid = (await aster.fetch_order_book(SYMBOL, 5))["bids"][0][0]
        placed = await aster.create_order(SYMBOL, "limit", "buy", 20, bid * 0.98)
        price = aster.price_to_precision(SYMBOL, bid * 0.97)
        request = {"symbol": "ASTERUSDT", "orderId": placed["id"], "side": "BUY", "quantity": "21", "price": price}
        amended = await aster.request("v3/order", "fapiPrivate", "PUT", request)
        assert (float(amended["origQty"]), amended["status"]) == (21, "NEW")


async def test_orders_are_placed_and_cancelled_in_batches(card: dict[str, Any]) -> None:
    async with client(card, "batches") as aster:
        await aster.load_markets()
        bid = (await aster.fetch_order_book(SYMBOL, 5))["bids"][0][0]
        order = {"symbol": SYMBOL, "type": "limit", "side": "buy", "amount": 20}
        placed = await aster.create_orders([order | {"price": bid * 0.98}, order | {"price": bid * 0.97}])
        assert len(placed) == 2
        cancelled = await aster.cancel_orders([each["id"] for each in placed], SYMBOL)
        assert [each["status"] for each in cancelled] == ["canceled", "canceled"]
        await aster.create_orders([order | {"price": bid * 0.98}])
        await aster.cancel_all_orders(SYMBOL)
        assert await aster.fetch_open_orders(SYMBOL) == []


async def test_settings_positions_and_ledger(card: dict[str, Any]) -> None:
    async with client(card, "settles") as aster:
        await aster.load_markets()
        await aster.set_leverage(3, SYMBOL)
        await aster.create_order(SYMBOL, "market", "buy", 50)
        position = next(each for each in await aster.fetch_positions([SYMBOL]) if each["symbol"] == SYMBOL)
        assert (position["side"], position["contracts"]) == ("long", 50)
        assert (await aster.fetch_my_trades(SYMBOL))[0]["fee"]["currency"] == "USDT"
        assert (await aster.fetch_trading_fee(SYMBOL))["taker"] == 0.00035
        assert {each["type"] for each in await aster.fetch_ledger()} >= {"fee"}
        assert (await aster.fetch_position_mode(SYMBOL))["hedged"] is False


async def test_its_streams_bring_the_market_and_the_accounts_own_news(card: dict[str, Any]) -> None:
    async with client(card, "listens") as aster:
        await aster.load_markets()
        book = await aster.watch_order_book(SYMBOL)
        assert book["bids"][0][0] < book["asks"][0][0]
        assert (await aster.watch_ticker(SYMBOL))["symbol"] == SYMBOL
        assert (await aster.watch_bids_asks([SYMBOL]))[SYMBOL]["bid"] > 0
        seen: list[Any] = []
        ours: list[str] = []

        async def listen() -> None:
            while not any(each["status"] == "canceled" for each in seen):
                seen.extend(await aster.watch_orders(SYMBOL))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            # The listen key and its line come first.
            await anyio.sleep(1)
            placed = await aster.create_order(SYMBOL, "limit", "buy", 20, book["bids"][0][0] * 0.98)
            await aster.cancel_order(placed["id"], SYMBOL)
            ours.append(placed["id"])
        assert [each["id"] for each in seen[:1]] == ours
