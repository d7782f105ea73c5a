"""Whatever several accounts do to each other, the books balance to the last digit after every step."""

from __future__ import annotations

import random
from collections import defaultdict
from contextlib import suppress
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from still_market import SYMBOL, Bench

from exchange.model import PositionSide, Side
from exchange.paper import rest_margin, rest_orders
from exchange.paper.accounts import Account
from exchange.paper.answers import Refusal
from exchange.paper.brackets import maintenance

OTHER = "ETHUSDT"
ADDRESSES = ("0xa", "0xb", "0xc")
ZERO = Decimal(0)

WHO = st.integers(0, len(ADDRESSES) - 1)
WHAT = st.sampled_from([SYMBOL, SYMBOL, OTHER])
SIDES = st.sampled_from(list(Side))
LOTS = st.integers(300, 6000)
STEPS = st.one_of(
    st.tuples(
        st.just("place"), WHO, WHAT, SIDES, st.integers(19_900, 20_100), LOTS,
        st.sampled_from(["GTC", "GTC", "GTX", "IOC", "FOK"]), st.booleans(), st.booleans(),
    ),
    st.tuples(st.just("market"), WHO, WHAT, SIDES, LOTS, st.booleans()),
    st.tuples(st.just("stop"), WHO, WHAT, SIDES, st.integers(19_700, 20_300), LOTS, st.booleans(), st.booleans()),
    st.tuples(st.just("quote"), WHAT, SIDES, st.integers(1, 150), LOTS),
    st.tuples(st.just("hit"), WHAT, SIDES, st.integers(19_900, 20_100), LOTS),
    st.tuples(st.just("cancel"), WHO, WHAT),
    st.tuples(st.just("mark"), WHAT, st.integers(18_500, 21_500), st.sampled_from([1, 1, 10])),
    st.tuples(st.just("leverage"), WHO, WHAT, st.sampled_from([1, 5, 20, 50, 75])),
    st.tuples(st.just("margin_type"), WHO, WHAT, st.sampled_from(["ISOLATED", "CROSSED"])),
    st.tuples(st.just("position_margin"), WHO, WHAT, st.booleans(), st.integers(1, 2), st.integers(1, 30)),
    st.tuples(st.just("hedge"), WHO, st.booleans()),
    st.tuples(st.just("multi"), WHO, st.booleans()),
    st.tuples(st.just("transfer"), WHO, st.sampled_from(["USDT", "USDF", "BNB"]), st.integers(-60, 60)),
)  # fmt: skip


class Play:
    """Accounts that trade with each other and with the market, and what has been paid in."""

    def __init__(self) -> None:
        self.bench = Bench(
            SYMBOL, OTHER, balances={"USDT": Decimal(60)}, funding_interval_s=10, funding_rate=Decimal("0.002")
        )
        self.engine = self.bench.venue.engine
        self.accounts = [self.engine.account(address) for address in ADDRESSES]
        self.paid_in: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for account in self.accounts:
            self.paid_in[account.address, "USDT"] = Decimal(60)

    def act(self, step: tuple[Any, ...]) -> None:
        kind, *rest = step
        with suppress(Refusal):
            getattr(self, f"_{kind}")(*rest)

    def _params(self, account: Account, symbol: str, side: Side, lots: int, is_long: bool) -> dict[str, str]:
        position_side = ("LONG" if is_long else "SHORT") if account.is_hedge else "BOTH"
        quantity = self.engine.listing(symbol).instrument.quantity_text(lots)
        return {"symbol": symbol, "side": side.value, "quantity": quantity, "positionSide": position_side}

    def _place(
        self, who: int, symbol: str, side: Side, ticks: int, lots: int, tif: str, is_long: bool, reduces: bool
    ) -> None:
        account = self.accounts[who]
        params = self._params(account, symbol, side, lots, is_long)
        params |= {"type": "LIMIT", "timeInForce": tif}
        params["price"] = self.engine.listing(symbol).instrument.price_text(ticks)
        if reduces and not account.is_hedge:
            params["reduceOnly"] = "true"
        rest_orders.place(self.engine, account, params)

    def _market(self, who: int, symbol: str, side: Side, lots: int, is_long: bool) -> None:
        params = self._params(self.accounts[who], symbol, side, lots, is_long)
        rest_orders.place(self.engine, self.accounts[who], params | {"type": "MARKET"})

    def _stop(self, who: int, symbol: str, side: Side, ticks: int, lots: int, is_long: bool, closes: bool) -> None:
        params = self._params(self.accounts[who], symbol, side, lots, is_long)
        params["stopPrice"] = self.engine.listing(symbol).instrument.price_text(ticks)
        if closes:
            del params["quantity"]
            params["closePosition"] = "true"
        kind = "STOP_MARKET" if (ticks - 20_000) * side.sign > 0 else "TAKE_PROFIT_MARKET"
        rest_orders.place(self.engine, self.accounts[who], params | {"type": kind, "workingType": "MARK_PRICE"})

    def _quote(self, symbol: str, side: Side, distance: int, lots: int) -> None:
        market, ticks = self.bench.markets[symbol], 20_000 - side.sign * distance
        if not market.would_cross(side, ticks):
            market.quote(side, ticks, lots)

    def _hit(self, symbol: str, side: Side, ticks: int, lots: int) -> None:
        listing = self.engine.listing(symbol)
        self.bench.markets[symbol].hit(side, ticks, lots, self.bench.now_us, listing.on_trade)

    def _cancel(self, who: int, symbol: str) -> None:
        rest_orders.cancel_all(self.engine, self.accounts[who], {"symbol": symbol})

    def _mark(self, symbol: str, ticks: int, seconds: int) -> None:
        self.bench.markets[symbol].mark_ticks = ticks
        self.bench.wait(seconds)

    def _leverage(self, who: int, symbol: str, leverage: int) -> None:
        rest_margin.set_leverage(self.engine, self.accounts[who], {"symbol": symbol, "leverage": str(leverage)})

    def _margin_type(self, who: int, symbol: str, margin_type: str) -> None:
        rest_margin.set_margin_type(self.engine, self.accounts[who], {"symbol": symbol, "marginType": margin_type})

    def _position_margin(self, who: int, symbol: str, is_long: bool, kind: int, amount: int) -> None:
        account = self.accounts[who]
        params = self._params(account, symbol, Side.BUY, 1, is_long)
        rest_margin.change_position_margin(self.engine, account, params | {"amount": f"{amount}.5", "type": str(kind)})

    def _hedge(self, who: int, on: bool) -> None:
        rest_margin.set_position_mode(self.engine, self.accounts[who], {"dualSidePosition": str(on).lower()})

    def _multi(self, who: int, on: bool) -> None:
        rest_margin.set_multi_assets(self.engine, self.accounts[who], {"multiAssetsMargin": str(on).lower()})

    def _transfer(self, who: int, asset: str, amount: int) -> None:
        account = self.accounts[who]
        try:
            self.engine.transfer(account, asset, Decimal(amount))
        except ValueError:
            return
        self.paid_in[account.address, asset] += amount

    def check(self) -> None:
        for account in self.accounts:
            self._check_money(account)
            self._check_positions(account)
            self._check_totals(account)
        for listing in self.engine.listings.values():
            ours = sum(
                trade.lots
                * trade.taker_side.sign
                * ((trade.taker_order_id is not None) - (trade.maker_order_id is not None))
                for trade in listing.tape.trades
            )
            lots = sum(
                account.position_lots(listing.symbol, side) for account in self.accounts for side in PositionSide
            )
            assert lots == ours

    def _check_money(self, account: Account) -> None:
        trades = [trade for stake in account.stakes.values() for trade in stake.trades]
        by_kind: dict[str, Decimal] = defaultdict(Decimal)
        for each in account.income:
            by_kind[each.kind] += each.amount
        assert by_kind["REALIZED_PNL"] == sum((trade.realised for trade in trades), ZERO) == account.realised
        assert -by_kind["COMMISSION"] == sum((trade.fee for trade in trades), ZERO) == account.fees
        assert by_kind["FUNDING_FEE"] == account.funding
        for asset, wallet in account.balances.items():
            earned = ZERO
            if asset == "USDT":
                earned = account.realised - account.fees + account.funding + by_kind["INSURANCE_CLEAR"]
            assert wallet == self.paid_in[account.address, asset] + earned
            assert wallet == sum((each.amount for each in account.income if each.asset == asset), ZERO)

    def _check_positions(self, account: Account) -> None:
        for holding in account.holdings:
            stake, instrument = holding.stake, holding.instrument
            trades = [trade for trade in stake.trades if trade.position_side is holding.position_side]
            assert holding.lots == sum(trade.lots * trade.side.sign for trade in trades)
            paid = sum((instrument.notional(trade.ticks, trade.lots) * trade.side.sign for trade in trades), ZERO)
            assert holding.cost == paid + holding.realised
            if holding.position_side is PositionSide.BOTH:
                assert not (account.is_hedge and holding.lots)
            else:
                assert account.is_hedge or not holding.lots
                assert holding.lots * (1 if holding.position_side is PositionSide.LONG else -1) >= 0
            if not (stake.is_isolated and holding.lots):
                assert holding.isolated_wallet == 0
            if not holding.lots:
                assert holding.cost == 0

    def _check_totals(self, account: Account) -> None:
        margin = unrealised = maintained = ZERO
        for holding in account.holdings:
            stake = holding.stake
            assert stake.mark == self.engine.listing(stake.instrument.symbol).mark
            notional = stake.instrument.quantity(holding.lots) * stake.mark
            held = {Side.BUY: ZERO, Side.SELL: ZERO}
            for order in self.engine.orders.open_orders(account, stake.instrument.symbol):
                if order.holding is holding and order.resting and not order.only_reduces:
                    held[order.side] += stake.instrument.notional(order.ticks, order.left)
            assert (holding.bids, holding.asks) == (held[Side.BUY], held[Side.SELL])
            assert holding.notional == notional
            margin += holding.margin_with(holding.bids, holding.asks)
            if stake.is_isolated:
                margin -= holding.position_margin
            else:
                unrealised += notional - holding.cost
                maintained += maintenance(stake.brackets, abs(notional)) if holding.lots else ZERO
        assert (account.margin, account.unrealised, account.maintenance) == (margin, unrealised, maintained)
        assert account.isolated == sum((holding.isolated_wallet for holding in account.holdings), ZERO)
        if not any(holding.lots for holding in account.holdings) and not self.engine.orders.all_open_orders(account):
            assert (account.margin, account.isolated) == (0, 0)


@settings(deadline=None, max_examples=80)
@given(st.lists(STEPS, min_size=5, max_size=60))
def test_every_account_balances_after_every_step(steps: list[tuple[Any, ...]]) -> None:
    play = Play()
    for step in steps:
        play.act(step)
        play.check()


def test_a_long_day_is_eventful_and_balances() -> None:
    """One seeded sequence long enough that every kind of event happens."""
    rng = random.Random(2)
    play = Play()
    play.act(("hedge", 1, True))
    for who in (0, 1):
        play.act(("margin_type", who, SYMBOL, "ISOLATED"))
    play.act(("multi", 2, True))
    kinds: set[str] = set()
    for _ in range(3000):
        who, symbol, side = rng.randrange(len(ADDRESSES)), rng.choice((SYMBOL, SYMBOL, OTHER)), rng.choice(list(Side))
        lots, ticks, coin = rng.randint(300, 6000), rng.randint(19_900, 20_100), rng.random() < 0.5
        step: tuple[Any, ...] = rng.choice((
            ("place", who, symbol, side, ticks, lots, rng.choice(("GTC", "GTX", "IOC")), coin, rng.random() < 0.2),
            ("market", who, symbol, side, lots, coin),
            ("stop", who, symbol, side, rng.randint(19_700, 20_300), lots, coin, rng.random() < 0.5),
            ("quote", symbol, side, rng.choice((rng.randint(1, 150), 1500)), lots),
            ("hit", symbol, side, ticks, lots),
            ("cancel", who, symbol),
            ("mark", symbol, rng.randint(18_500, 21_500), rng.choice((1, 1, 10))),
            ("leverage", who, symbol, rng.choice((1, 5, 20, 50, 75))),
            ("margin_type", who, symbol, rng.choice(("ISOLATED", "CROSSED"))),
            ("position_margin", who, symbol, coin, rng.randint(1, 2), rng.randint(1, 30)),
            ("hedge", who, coin),
            ("multi", who, coin and rng.random() < 0.2),
            ("transfer", who, rng.choice(("USDT", "USDF", "BNB")), rng.randint(-60, 60)),
        ))  # fmt: skip
        play.act(step)
        play.check()
    for account in play.accounts:
        kinds |= {each.kind + ("+" if each.amount > 0 else "-") for each in account.income}
        assert play.engine.force_orders.of(account)
    assert any(account.margin_changes for account in play.accounts)
    assert kinds >= {
        "TRANSFER+", "TRANSFER-", "REALIZED_PNL+", "REALIZED_PNL-", "COMMISSION-", "FUNDING_FEE+", "FUNDING_FEE-",
        "INSURANCE_CLEAR-",
    }  # fmt: skip
