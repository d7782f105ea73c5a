"""One account's money: wallet, positions, cost basis, margin (one-way mode, cross margin).

Owns: the books. After every fill and funding payment: wallet = deposits + realised PnL - fees + funding, exactly.
Must not know: order books, JSON, where marks come from.

Realised PnL is rounded to 8 digits, and what the rounding took or gave stays in the remaining cost basis, so nothing
is ever lost: over a closed position the rounded figures add up to the exact profit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from exchange.model import Instrument, Side
from exchange.paper.config import STABLE_ASSETS, PaperSettings

CENT8 = Decimal("0.00000001")
ZERO = Decimal(0)
_KEPT_TRADES = 100_000
_KEPT_INCOME = 20_000


@dataclass(frozen=True, slots=True)
class OwnTrade:
    trade_id: int
    order_id: int
    side: Side
    ticks: int
    lots: int
    is_maker: bool
    fee: Decimal
    realised: Decimal
    exchange_ms: int


@dataclass(frozen=True, slots=True)
class Income:
    symbol: str
    kind: str
    amount: Decimal
    asset: str
    tran_id: int
    trade_id: int | None
    exchange_ms: int


class Holding:
    """One symbol in an account: the position, the margin its orders hold, and running totals."""

    __slots__ = (
        "asks",
        "bids",
        "cost",
        "fees",
        "fills",
        "funding",
        "instrument",
        "leverage",
        "lots",
        "margin",
        "mark",
        "realised",
        "trades",
        "unrealised",
        "updated_ms",
        "volume",
    )

    def __init__(self, instrument: Instrument, leverage: int, mark: Decimal) -> None:
        self.instrument = instrument
        self.leverage = leverage
        self.mark = mark
        self.lots = 0
        self.cost = ZERO
        """What the position was bought for; negative for a short."""
        self.bids = ZERO
        """Notional of open buys that may increase; `asks` likewise."""
        self.asks = ZERO
        self.margin = ZERO
        self.unrealised = ZERO
        self.realised = ZERO
        self.fees = ZERO
        self.funding = ZERO
        self.volume = ZERO
        self.fills = 0
        self.updated_ms = 0
        self.trades: deque[OwnTrade] = deque(maxlen=_KEPT_TRADES)

    @property
    def quantity(self) -> Decimal:
        return self.instrument.step_size * self.lots

    @property
    def notional(self) -> Decimal:
        return self.instrument.step_size * self.lots * self.mark

    @property
    def entry_price(self) -> Decimal:
        return (self.cost / self.quantity).quantize(CENT8) if self.lots else ZERO

    def margin_with(self, bids: Decimal, asks: Decimal) -> Decimal:
        """Initial margin if open orders were `bids` and `asks`: the dearer of the two ways they could fill."""
        notional = self.notional
        worst = max(abs(notional + bids), abs(notional - asks))
        return (worst / self.leverage).quantize(CENT8, ROUND_UP)


class Account:
    def __init__(self, address: str, settings: PaperSettings, balances: Mapping[str, Decimal], now_ms: int) -> None:
        self.address = address
        self.is_multi_assets = settings.is_multi_assets
        self.balances: dict[str, Decimal] = {asset: Decimal(amount) for asset, amount in balances.items()}
        self.balances.setdefault("USDT", ZERO)
        self.holdings: dict[str, Holding] = {}
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
        notional = sum((abs(holding.notional) for holding in self.holdings.values()), ZERO)
        return (notional * self._settings.maintenance_rate).quantize(CENT8)

    @property
    def realised(self) -> Decimal:
        return sum((holding.realised for holding in self.holdings.values()), ZERO)

    @property
    def fees(self) -> Decimal:
        return sum((holding.fees for holding in self.holdings.values()), ZERO)

    @property
    def funding(self) -> Decimal:
        return sum((holding.funding for holding in self.holdings.values()), ZERO)

    def position_lots(self, symbol: str) -> int:
        holding = self.holdings.get(symbol)
        return holding.lots if holding else 0

    def holding(self, instrument: Instrument, mark: Decimal) -> Holding:
        """The account's entry for a symbol, made at `mark` on first use."""
        holding = self.holdings.get(instrument.symbol)
        if holding is None:
            holding = Holding(instrument, self._settings.default_leverage, mark)
            self.holdings[instrument.symbol] = holding
        return holding

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

    def set_leverage(self, holding: Holding, leverage: int) -> bool:
        """False, and nothing changed, when available margin does not suffice for it."""
        before = holding.leverage
        holding.leverage = leverage
        if holding.margin_with(holding.bids, holding.asks) - holding.margin > max(self.available, ZERO):
            holding.leverage = before
            return False
        self._revalue(holding)
        return True

    def revalue(self, holding: Holding, mark: Decimal) -> None:
        if mark != holding.mark:
            holding.mark = mark
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
        )
        holding.trades.append(booked)
        self._pay(holding, realised - fee, trade.exchange_ms)
        symbol, asset = holding.instrument.symbol, holding.instrument.margin_asset
        if realised:
            self._note(symbol, "REALIZED_PNL", realised, asset, trade.trade_id, trade.exchange_ms)
        self._note(symbol, "COMMISSION", -fee, asset, trade.trade_id, trade.exchange_ms)
        self._revalue(holding)
        return booked

    def deposit(self, asset: str, amount: Decimal, now_ms: int) -> None:
        self.balances[asset] = self.balances.get(asset, ZERO) + amount
        self.updated_ms = now_ms
        self._note("", "TRANSFER", amount, asset, None, now_ms)

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
