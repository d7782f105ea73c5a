"""One account's money: wallet, positions, cost basis, margin.

Owns: the books. After every fill and funding payment: wallet = deposits + realised PnL - fees + funding, exactly.
Must not know: order books, JSON, where marks come from.

Realised PnL is rounded to 8 digits, and what the rounding took or gave stays in the remaining cost basis, so nothing
is ever lost: over a closed position the rounded figures add up to the exact profit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from exchange.model import Instrument, PositionSide, Side, StpMode
from exchange.paper.config import STABLE_ASSETS, PaperSettings
from exchange.paper.holding import CENT8, ZERO, Holding, OwnTrade, Stake

_KEPT_INCOME = 20_000


@dataclass(frozen=True, slots=True)
class Income:
    symbol: str
    kind: str
    amount: Decimal
    asset: str
    tran_id: int
    trade_id: int | None
    exchange_ms: int


class Account:
    def __init__(self, address: str, settings: PaperSettings, balances: Mapping[str, Decimal], now_ms: int) -> None:
        self.address = address
        self.is_multi_assets = settings.is_multi_assets
        self.is_hedge = False
        self.stp_mode = StpMode.EXPIRE_TAKER
        self.balances: dict[str, Decimal] = {asset: Decimal(amount) for asset, amount in balances.items()}
        self.balances.setdefault("USDT", ZERO)
        self.stakes: dict[str, Stake] = {}
        """By symbol."""
        self.income: deque[Income] = deque(maxlen=_KEPT_INCOME)
        self.updated_ms = now_ms
        self.margin = ZERO
        self.unrealised = ZERO
        self._settings = settings
        self._next_tran_id = 1
        for asset, amount in balances.items():
            self._note("", "TRANSFER", Decimal(amount), asset, None, now_ms)

    # What it owns

    @property
    def wallet(self) -> Decimal:
        return self.balances["USDT"]

    @property
    def collateral(self) -> Decimal:
        """Wallet that margin is taken from: USDT's, or in multi-assets mode all stable assets'."""
        if not self.is_multi_assets:
            return self.balances["USDT"]
        return sum((self.balances.get(asset, ZERO) for asset in STABLE_ASSETS), ZERO)

    @property
    def equity(self) -> Decimal:
        return self.collateral + self.unrealised

    @property
    def available(self) -> Decimal:
        return self.collateral + self.unrealised - self.margin

    @property
    def maintenance(self) -> Decimal:
        notional = sum((abs(holding.notional) for holding in self.holdings), ZERO)
        return (notional * self._settings.maintenance_rate).quantize(CENT8)

    @property
    def realised(self) -> Decimal:
        return sum((holding.realised for holding in self.holdings), ZERO)

    @property
    def fees(self) -> Decimal:
        return sum((holding.fees for holding in self.holdings), ZERO)

    @property
    def funding(self) -> Decimal:
        return sum((holding.funding for holding in self.holdings), ZERO)

    @property
    def holdings(self) -> Iterator[Holding]:
        """Of all symbols and position sides, in the order of their first use."""
        for stake in self.stakes.values():
            yield from stake.holdings.values()

    def holding(
        self, instrument: Instrument, mark: Decimal, position_side: PositionSide = PositionSide.BOTH
    ) -> Holding:
        """The account's entry for a symbol and position side, made at `mark` on first use."""
        stake = self.stakes.get(instrument.symbol)
        if stake is None:
            stake = Stake(instrument, self._settings.default_leverage, mark)
            self.stakes[instrument.symbol] = stake
        return stake.holding(position_side)

    def held(self, symbol: str, position_side: PositionSide = PositionSide.BOTH) -> Holding | None:
        """The entry if there is one."""
        stake = self.stakes.get(symbol)
        return stake.holdings.get(position_side) if stake else None

    def position_lots(self, symbol: str, position_side: PositionSide = PositionSide.BOTH) -> int:
        holding = self.held(symbol, position_side)
        return holding.lots if holding else 0

    # What orders hold

    def can_hold(self, holding: Holding, side: Side, notional: Decimal) -> bool:
        """Whether margin suffices for `notional` more of open orders; what raises no margin always may."""
        bids, asks = (notional, ZERO) if side is Side.BUY else (ZERO, notional)
        more = holding.margin_with(holding.bids + bids, holding.asks + asks) - holding.margin
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
        more = sum((each.margin_with(each.bids, each.asks) - each.margin for each in holdings), ZERO)
        if more > max(self.available, ZERO):
            stake.leverage = before
            return False
        for holding in holdings:
            self._revalue(holding)
        return True

    def revalue(self, stake: Stake, mark: Decimal) -> None:
        if mark != stake.mark:
            stake.mark = mark
            for holding in stake.holdings.values():
                self._revalue(holding)

    # What happens to it

    def fill(self, holding: Holding, trade: OwnTrade, fee_rate: Decimal) -> OwnTrade:
        """Books one execution; returns it with its realised PnL and fee."""
        notional = holding.instrument.notional(trade.ticks, trade.lots)
        signed_lots = trade.lots * trade.side.sign
        realised = ZERO
        cost = notional * trade.side.sign
        if holding.lots * signed_lots < 0:
            closing = min(abs(holding.lots), trade.lots)
            received = (
                -cost if closing == trade.lots else -holding.instrument.notional(trade.ticks, closing) * trade.side.sign
            )
            share = holding.cost if closing == abs(holding.lots) else holding.cost * closing / abs(holding.lots)
            realised = (received - share).quantize(CENT8)
        # Whatever rounding left over is in the remaining cost: cost after = cost before + paid + realised.
        holding.cost += cost + realised
        holding.lots += signed_lots
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
        self._pay(holding, realised - fee, trade.exchange_ms)
        symbol, asset = holding.instrument.symbol, holding.instrument.margin_asset
        if realised:
            self._note(symbol, "REALIZED_PNL", realised, asset, trade.trade_id, trade.exchange_ms)
        self._note(symbol, "COMMISSION", -fee, asset, trade.trade_id, trade.exchange_ms)
        self._revalue(holding)
        return booked

    def fund(self, holding: Holding, rate: Decimal, now_ms: int) -> Decimal:
        """Pays (or receives) one funding interval on the position at mark; returns the wallet's change."""
        amount = -(holding.notional * rate).quantize(CENT8)
        holding.funding += amount
        self._pay(holding, amount, now_ms)
        self._note(holding.instrument.symbol, "FUNDING_FEE", amount, holding.instrument.margin_asset, None, now_ms)
        return amount

    def _pay(self, holding: Holding, amount: Decimal, now_ms: int) -> None:
        asset = holding.instrument.margin_asset
        self.balances[asset] = self.balances.get(asset, ZERO) + amount
        self.updated_ms = now_ms

    def _note(self, symbol: str, kind: str, amount: Decimal, asset: str, trade_id: int | None, now_ms: int) -> None:
        self.income.append(Income(symbol, kind, amount, asset, self._next_tran_id, trade_id, now_ms))
        self._next_tran_id += 1

    def _revalue(self, holding: Holding) -> None:
        margin = holding.margin_with(holding.bids, holding.asks)
        unrealised = holding.notional - holding.cost
        self.margin += margin - holding.margin
        self.unrealised += unrealised - holding.unrealised
        holding.margin = margin
        holding.unrealised = unrealised
