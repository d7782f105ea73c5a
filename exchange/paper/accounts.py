"""One account's money: wallets, positions, cost basis, margin.

Owns: the books. After every event: wallet = deposits + realised PnL - fees + funding + insurance, exactly, and the
running totals (`margin`, `unrealised`, `maintenance`, `isolated`) are the sums over the holdings.
Must not know: order books, JSON, where marks come from.

Realised PnL is rounded to 8 digits, and what the rounding took or gave stays in the remaining cost basis, so nothing
is ever lost: over a closed position the rounded figures add up to the exact profit.

An isolated position has a wallet of its own within the asset's: an opening fill moves its initial margin in, profit,
fees and funding go in and out of it, a closing fill releases the closed share (less where losses have eaten into it),
and the last one everything. How the real exchange splits these is not in the docs; the sum is the same.

In multi-assets mode all stable assets are collateral at one dollar each. Others are not: the docs give no collateral
ratios, nor an endpoint that would tell them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from exchange.model import Instrument, PositionSide, Side, StpMode
from exchange.paper.config import STABLE_ASSETS, Fees, PaperSettings
from exchange.paper.holding import Holding, OwnTrade, Stake
from exchange.paper.money import CENT8, ZERO

MARGIN_ASSET = "USDT"
_KEPT_INCOME = 20_000
_KEPT_MARGIN_CHANGES = 5_000


@dataclass(frozen=True, slots=True)
class Income:
    symbol: str
    kind: str
    amount: Decimal
    asset: str
    tran_id: int
    trade_id: int | None
    exchange_ms: int


@dataclass(frozen=True, slots=True)
class MarginChange:
    """What was moved into an isolated position's wallet on request; negative: back into the cross wallet."""

    symbol: str
    position_side: PositionSide
    amount: Decimal
    exchange_ms: int


class Account:
    def __init__(self, address: str, settings: PaperSettings, balances: Mapping[str, Decimal], now_ms: int) -> None:
        self.address = address
        self.is_multi_assets = settings.is_multi_assets
        self.is_hedge = False
        self.stp_mode = StpMode.EXPIRE_TAKER
        self.is_called = False
        """Whether the cross margin call is out."""
        self.own_fees: Fees | None = None
        """Goes before the settings' fees."""
        self.balances: dict[str, Decimal] = {asset: Decimal(amount) for asset, amount in balances.items()}
        self.balances.setdefault(MARGIN_ASSET, ZERO)
        self.stakes: dict[str, Stake] = {}
        """By symbol."""
        self.isolated_stakes: dict[str, Stake] = {}
        self.income: deque[Income] = deque(maxlen=_KEPT_INCOME)
        self.margin_changes: deque[MarginChange] = deque(maxlen=_KEPT_MARGIN_CHANGES)
        self.updated_ms = now_ms
        self.margin = ZERO
        """Initial margin of cross positions and of all open orders: what collateral is spoken for."""
        self.unrealised = ZERO
        """Of cross positions; `maintenance` likewise."""
        self.maintenance = ZERO
        self.isolated = ZERO
        """All isolated wallets."""
        self._settings = settings
        self._next_tran_id = 1
        for asset, amount in balances.items():
            self._note("", "TRANSFER", Decimal(amount), asset, None, now_ms)

    # What it owns

    @property
    def wallet(self) -> Decimal:
        return self.balances[MARGIN_ASSET]

    @property
    def collateral(self) -> Decimal:
        """Cross wallet that margin is taken from: USDT's, or in multi-assets mode all stable assets'."""
        if not self.is_multi_assets:
            return self.balances[MARGIN_ASSET] - self.isolated
        return sum((self.balances.get(asset, ZERO) for asset in STABLE_ASSETS), ZERO) - self.isolated

    @property
    def equity(self) -> Decimal:
        return self.collateral + self.unrealised

    @property
    def available(self) -> Decimal:
        return self.collateral + self.unrealised - self.margin

    @property
    def withdrawable(self) -> Decimal:
        """What may leave the cross wallet: profit that is not realised may not."""
        return max(ZERO, self.collateral + min(ZERO, self.unrealised) - self.margin)

    @property
    def realised(self) -> Decimal:
        return sum((holding.realised for holding in self.holdings), ZERO)

    @property
    def fees(self) -> Decimal:
        return sum((holding.fees for holding in self.holdings), ZERO)

    @property
    def funding(self) -> Decimal:
        return sum((holding.funding for holding in self.holdings), ZERO)

    def cross_wallet(self, asset: str) -> Decimal:
        return self.balances[asset] - (self.isolated if asset == MARGIN_ASSET else ZERO)

    def fees_of(self, symbol: str) -> Fees:
        """The account's own rates, else the symbol's, else everybody's."""
        return self.own_fees or self._settings.fees_of(symbol)

    @property
    def holdings(self) -> Iterator[Holding]:
        """Of all symbols and position sides, in the order of their first use."""
        for stake in self.stakes.values():
            yield from stake.holdings.values()

    def stake(self, instrument: Instrument, mark: Decimal) -> Stake:
        """The account's entry for a symbol, made at `mark` on first use."""
        stake = self.stakes.get(instrument.symbol)
        if stake is None:
            stake = self.stakes[instrument.symbol] = self.look(instrument, mark)
        return stake

    def look(self, instrument: Instrument, mark: Decimal) -> Stake:
        """The entry for a symbol, or what it would be: for answers, which leave nothing behind."""
        stake = self.stakes.get(instrument.symbol)
        if stake is not None:
            return stake
        return Stake(instrument, self._settings.brackets_of(instrument.symbol), self._settings.default_leverage, mark)

    def holding(
        self, instrument: Instrument, mark: Decimal, position_side: PositionSide = PositionSide.BOTH
    ) -> Holding:
        return self.stake(instrument, mark).holding(position_side)

    def held(self, symbol: str, position_side: PositionSide = PositionSide.BOTH) -> Holding | None:
        """The entry if there is one."""
        stake = self.stakes.get(symbol)
        return stake.holdings.get(position_side) if stake else None

    def position_lots(self, symbol: str, position_side: PositionSide = PositionSide.BOTH) -> int:
        holding = self.held(symbol, position_side)
        return holding.lots if holding else 0

    # What orders hold, and on what terms

    def can_hold(self, holding: Holding, side: Side, notional: Decimal) -> bool:
        """Whether margin suffices for `notional` more of open orders; what raises no margin always may."""
        bids, asks = (notional, ZERO) if side is Side.BUY else (ZERO, notional)
        more = holding.held_with(holding.bids + bids, holding.asks + asks) - holding.margin
        return more <= 0 or more <= self.available

    def hold(self, holding: Holding, side: Side, notional: Decimal) -> None:
        """Counts an open order's notional towards margin; negative when it is gone."""
        if side is Side.BUY:
            holding.bids += notional
        else:
            holding.asks += notional
        self._revalue(holding)

    def set_leverage(self, stake: Stake, leverage: int) -> bool:
        """False, and nothing changed, when available margin does not suffice for it."""
        before = stake.leverage
        stake.leverage = leverage
        holdings = stake.holdings.values()
        more = sum((each.held_with(each.bids, each.asks) - each.margin for each in holdings), ZERO)
        if more > max(self.available, ZERO):
            stake.leverage = before
            return False
        for holding in holdings:
            self._revalue(holding)
        return True

    def set_isolated(self, stake: Stake, is_isolated: bool) -> None:
        """Only while the symbol has neither position nor orders."""
        stake.is_isolated = is_isolated
        if is_isolated:
            self.isolated_stakes[stake.instrument.symbol] = stake
        else:
            del self.isolated_stakes[stake.instrument.symbol]

    def revalue(self, stake: Stake, mark: Decimal) -> None:
        if mark == stake.mark:
            return
        stake.mark = mark
        for holding in stake.holdings.values():
            if holding.lots or holding.bids or holding.asks:
                self._revalue(holding)

    # What happens to it

    def fill(self, holding: Holding, trade: OwnTrade, fee_rate: Decimal) -> OwnTrade:
        """Books one execution; returns it with its realised PnL and fee."""
        notional = holding.instrument.notional(trade.ticks, trade.lots)
        before = holding.lots
        closing = min(holding.reducible(trade.side), trade.lots)
        cost = notional * trade.side.sign
        realised = ZERO
        if closing:
            paid = (
                cost if closing == trade.lots else holding.instrument.notional(trade.ticks, closing) * trade.side.sign
            )
            share = holding.cost if closing == abs(before) else holding.cost * closing / abs(before)
            realised = (-paid - share).quantize(CENT8)
        # Whatever rounding left over is in the remaining cost: cost after = cost before + paid + realised.
        holding.cost += cost + realised
        holding.lots += trade.lots * trade.side.sign
        fee = (notional * fee_rate).quantize(CENT8)
        holding.realised += realised
        holding.fees += fee
        holding.volume += notional
        holding.fills += 1
        holding.updated_ms = trade.exchange_ms
        booked = OwnTrade(
            trade.trade_id,
            trade.order_id,
            trade.side,
            trade.ticks,
            trade.lots,
            trade.is_maker,
            fee,
            realised,
            trade.exchange_ms,
            holding.position_side,
        )
        holding.stake.trades.append(booked)
        symbol, asset = holding.instrument.symbol, holding.instrument.margin_asset
        self._pay(asset, realised - fee, trade.exchange_ms)
        if realised:
            self._note(symbol, "REALIZED_PNL", realised, asset, trade.trade_id, trade.exchange_ms)
        self._note(symbol, "COMMISSION", -fee, asset, trade.trade_id, trade.exchange_ms)
        if holding.stake.is_isolated:
            self._settle_isolated(holding, booked, before, closing)
        self._revalue(holding)
        return booked

    def fund(self, holding: Holding, rate: Decimal, now_ms: int) -> Decimal:
        """Pays (or receives) one funding interval on the position at mark; returns the wallet's change."""
        amount = -(holding.notional * rate).quantize(CENT8)
        holding.funding += amount
        asset = holding.instrument.margin_asset
        self._pay(asset, amount, now_ms)
        self._note(holding.instrument.symbol, "FUNDING_FEE", amount, asset, None, now_ms)
        if holding.stake.is_isolated:
            self._set_isolated_wallet(holding, holding.isolated_wallet + amount)
        return amount

    def transfer(self, asset: str, amount: Decimal, now_ms: int, kind: str = "TRANSFER") -> None:
        """Money from outside, or (negative) to it. ValueError when so much may not leave, or is no amount."""
        if amount != amount.quantize(CENT8):
            raise ValueError(f"{amount} has more than 8 decimals")
        is_margin = asset == MARGIN_ASSET or (self.is_multi_assets and asset in STABLE_ASSETS)
        most = min(self.balances.get(asset, ZERO), self.withdrawable) if is_margin else self.balances.get(asset, ZERO)
        if -amount > max(ZERO, most):
            raise ValueError(f"only {max(ZERO, most)} {asset} may be taken out")
        self._pay(asset, amount, now_ms)
        self._note("", kind, amount, asset, None, now_ms)

    def clear(self, symbol: str, amount: Decimal, now_ms: int) -> None:
        """What a liquidation pays to the insurance fund (negative), or the fund for what was lost beyond margin."""
        self._pay(MARGIN_ASSET, amount, now_ms)
        self._note(symbol, "INSURANCE_CLEAR", amount, MARGIN_ASSET, None, now_ms)

    def move_margin(self, holding: Holding, amount: Decimal, now_ms: int) -> None:
        """From the cross wallet into an isolated position's; negative: back."""
        self._set_isolated_wallet(holding, holding.isolated_wallet + amount)
        self.margin_changes.append(MarginChange(holding.instrument.symbol, holding.position_side, amount, now_ms))
        holding.updated_ms = self.updated_ms = now_ms

    def _settle_isolated(self, holding: Holding, trade: OwnTrade, before_lots: int, closing: int) -> None:
        earned = holding.isolated_wallet + trade.realised
        wallet = earned
        if closing:
            kept = holding.isolated_wallet * (abs(before_lots) - closing) / abs(before_lots)
            wallet = min(earned, kept.quantize(CENT8, ROUND_UP)) if closing < abs(before_lots) else ZERO
        opening = trade.lots - closing
        if opening:
            needed = holding.instrument.notional(trade.ticks, opening) / holding.stake.leverage
            free = self.balances[MARGIN_ASSET] - self.isolated + holding.isolated_wallet - wallet
            wallet += max(ZERO, min(needed.quantize(CENT8, ROUND_UP), free))
        if holding.lots:
            wallet -= trade.fee
        self._set_isolated_wallet(holding, wallet)

    def _set_isolated_wallet(self, holding: Holding, wallet: Decimal) -> None:
        self.isolated += wallet - holding.isolated_wallet
        holding.isolated_wallet = wallet

    def _pay(self, asset: str, amount: Decimal, now_ms: int) -> None:
        self.balances[asset] = self.balances.get(asset, ZERO) + amount
        self.updated_ms = now_ms

    def _note(self, symbol: str, kind: str, amount: Decimal, asset: str, trade_id: int | None, now_ms: int) -> None:
        self.income.append(Income(symbol, kind, amount, asset, self._next_tran_id, trade_id, now_ms))
        self._next_tran_id += 1

    def _revalue(self, holding: Holding) -> None:
        margin, unrealised, maintenance = holding.margin, holding.unrealised, holding.maintenance
        holding.revalue()
        self.margin += holding.margin - margin
        if not holding.stake.is_isolated:
            self.unrealised += holding.unrealised - unrealised
            self.maintenance += holding.maintenance - maintenance
