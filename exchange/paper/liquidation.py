"""Who cannot hold his positions: the margin call, the liquidation, and who pays for what is missing.

Owns: when an account, or one isolated position, is called and closed out; liquidation prices and ADL quantiles.
Must not know: how orders match, listen keys, HTTP.

Choices where the docs are silent. An account is called when its maintenance margin reaches 80 % of its margin balance,
once until it falls below again; it is liquidated at 100 %: all its cross positions at once, by IOC orders as far as the
market's bound, and what the book does not take again the next second. An isolated position stands for itself. Beside
the taker fee a liquidation pays the symbol's liquidation fee on the notional closed, as far as margin is left, and
where more than the margin is lost the insurance fund pays: income INSURANCE_CLEAR, negative and positive. So nobody
owes anything after a liquidation. No position is ever deleveraged: the fund has no bottom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from exchange.model import PositionSide
from exchange.paper.accounts import Account
from exchange.paper.brackets import bracket_at
from exchange.paper.force_orders import ForceOrders
from exchange.paper.holding import Holding, Stake
from exchange.paper.listing import Listing
from exchange.paper.money import CENT8, ZERO
from exchange.paper.orders import Orders

_CALL_AT = Decimal("0.8")
_ADL_LEVELS = 5


class LiquidationNews(Protocol):
    def margin_called(self, account: Account, holdings: Sequence[Holding], now_us: int) -> None: ...

    def cleared(self, account: Account, holding: Holding, amount: Decimal, now_us: int) -> None: ...


class Liquidations:
    """`acted` is to be called after each change to a market."""

    def __init__(
        self,
        listings: Mapping[str, Listing],
        orders: Orders,
        force_orders: ForceOrders,
        news: LiquidationNews,
        acted: Callable[[Listing], None],
    ) -> None:
        self._listings = listings
        self._orders = orders
        self._news = news
        self._force_orders = force_orders
        self._acted = acted

    def check(self, account: Account, now_us: int) -> None:
        """To be called each second, after positions have been revalued."""
        if account.maintenance:
            self._check_cross(account, now_us)
        else:
            account.is_called = False
        for stake in account.isolated_stakes.values():
            for holding in stake.holdings.values():
                if holding.lots:
                    self._check_isolated(account, holding, now_us)
                else:
                    holding.is_called = False

    def _check_cross(self, account: Account, now_us: int) -> None:
        was_called, account.is_called = account.is_called, account.maintenance >= account.equity * _CALL_AT
        if not account.is_called:
            return
        holdings = [each for each in account.holdings if each.lots and not each.stake.is_isolated]
        if not was_called:
            self._news.margin_called(account, holdings, now_us)
        if account.maintenance < account.equity:
            return
        self._orders.cancel_all(self._orders.all_open_orders(account), now_us)
        for holding in holdings:
            closed = self._close(account, holding, now_us)
            fee = self._liquidation_fee(holding, closed)
            self._clear(account, holding, -min(fee, max(ZERO, account.equity)), now_us)
        if not account.maintenance and account.collateral < 0:
            self._clear(account, holdings[-1], -account.collateral, now_us)

    def _check_isolated(self, account: Account, holding: Holding, now_us: int) -> None:
        equity = holding.isolated_wallet + holding.unrealised
        was_called, holding.is_called = holding.is_called, holding.maintenance >= equity * _CALL_AT
        if holding.is_called and not was_called:
            self._news.margin_called(account, [holding], now_us)
        if holding.maintenance < equity:
            return
        symbol = holding.instrument.symbol
        open_orders = self._orders.open_orders(account, symbol)
        self._orders.cancel_all([order for order in open_orders if order.holding is holding], now_us)
        before = account.collateral
        closed = self._close(account, holding, now_us)
        # What came back from the isolated wallet pays the fee; what went beyond that wallet is not the account's loss.
        left = account.collateral - before
        self._clear(account, holding, -min(self._liquidation_fee(holding, closed), left), now_us)

    def _close(self, account: Account, holding: Holding, now_us: int) -> Decimal:
        """The notional that the market took."""
        listing = self._listings[holding.instrument.symbol]
        bid, ask = listing.touch()
        if (bid if holding.lots > 0 else ask) is None:
            return ZERO
        order = self._orders.liquidate(account, listing, holding, now_us)
        self._acted(listing)
        if order.filled:
            self._force_orders.add(order)
        return order.quote

    def _liquidation_fee(self, holding: Holding, closed: Decimal) -> Decimal:
        rules = self._listings[holding.instrument.symbol].rules
        return (closed * rules.liquidation_fee).quantize(CENT8)

    def _clear(self, account: Account, holding: Holding, amount: Decimal, now_us: int) -> None:
        if amount:
            account.clear(holding.instrument.symbol, amount, now_us // 1000)
            self._news.cleared(account, holding, amount, now_us)


def liquidation_price(account: Account, holding: Holding) -> Decimal:
    """The mark price at which it would be liquidated, all other marks as they are; 0 when there is none.

    Cross positions of both sides of a symbol share it, and where they are as large there is none.
    """
    stake = holding.stake
    if not holding.lots:
        return ZERO
    if stake.is_isolated:
        moving = [holding]
        cushion = holding.isolated_wallet
    else:
        moving = [each for each in stake.holdings.values() if each.lots]
        cushion = account.equity - account.maintenance
        cushion += sum((each.maintenance - each.unrealised for each in moving), ZERO)
    if not sum(each.lots for each in moving):
        # Its upkeep grows with the mark price all the same, to a price in the clouds.
        return ZERO
    # At price p: cushion + quantity * p - cost = |quantity| * p * ratio - cum, each of the last three summed.
    price = stake.mark
    for _ in stake.brackets:
        brackets = [bracket_at(stake.brackets, abs(each.quantity) * price) for each in moving]
        room = cushion + sum((b.cum - each.cost for b, each in zip(brackets, moving, strict=True)), ZERO)
        slope = sum(
            (abs(each.quantity) * b.ratio - each.quantity for b, each in zip(brackets, moving, strict=True)), ZERO
        )
        if not slope or room / slope <= 0:
            return ZERO
        price = room / slope
        if brackets == [bracket_at(stake.brackets, abs(each.quantity) * price) for each in moving]:
            break
    return price.quantize(CENT8)


def adl_quantiles(stake: Stake, account: Account, everybody: Iterable[Account]) -> dict[PositionSide, int]:
    """By position side, how far up the position is in the queue of its direction: 0 the last, 4 the first.

    The queue is by profit times leverage (a loss: divided by it), leverage being notional over what stands behind it.
    """
    symbol = stake.instrument.symbol
    queues: dict[bool, list[Decimal]] = {True: [], False: []}
    for each in everybody:
        other = each.stakes.get(symbol)
        for holding in other.holdings.values() if other else ():
            if holding.lots:
                queues[holding.lots > 0].append(_adl_score(each, holding))
    found: dict[PositionSide, int] = {}
    for position_side, holding in stake.holdings.items():
        if holding.lots:
            queue, score = queues[holding.lots > 0], _adl_score(account, holding)
            found[position_side] = _ADL_LEVELS * sum(each < score for each in queue) // len(queue)
    return found


def _adl_score(account: Account, holding: Holding) -> Decimal:
    behind = holding.isolated_wallet + holding.unrealised if holding.stake.is_isolated else account.equity
    profit = holding.unrealised / abs(holding.cost) if holding.cost else ZERO
    leverage = abs(holding.notional) / behind if behind > 0 else Decimal(10**9)
    return profit * leverage if profit >= 0 else profit / leverage
