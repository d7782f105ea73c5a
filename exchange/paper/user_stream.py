"""Listen keys, and the news that goes out under them (docs: User Data Streams).

Owns: the life of listen keys, and what ORDER_TRADE_UPDATE, ACCOUNT_UPDATE and their like carry. Must not know: lines.
An account without a live key has no news encoded for it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from exchange.model import PositionSide
from exchange.paper.accounts import Account
from exchange.paper.answers import Refusal
from exchange.paper.holding import Holding, OwnTrade, Stake
from exchange.paper.money import ZERO
from exchange.paper.order import PaperOrder
from exchange.paper.streams import Hub, PushKind
from exchange.paper.timetable import Timetable
from exchange.protocol import codes, frames
from exchange.protocol.margin_frames import AccountConfig, CalledPosition, MarginCallFrame
from exchange.protocol.streams import LISTEN_KEY_LIFE_S

_LIFE_US = LISTEN_KEY_LIFE_S * 1_000_000


class _Key:
    __slots__ = ("expires_us", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.expires_us = 0


class UserStreams:
    """Implements exchange.paper.order.News and exchange.paper.liquidation.LiquidationNews."""

    def __init__(self, hub: Hub, timetable: Timetable, seed: int, secret: str) -> None:
        self._hub = hub
        self._timetable = timetable
        self._seed = seed
        self._secret = secret.encode()
        self._made = 0
        self._keys: dict[str, _Key] = {}

    def start(self, account: Account, now_us: int) -> str:
        """The account's live key, its life begun anew; a new one if there is none."""
        key = self._keys.get(account.address)
        if key is None:
            key = self._keys[account.address] = _Key(self._new_text())
            self._watch(account.address, key, now_us + _LIFE_US)
        key.expires_us = now_us + _LIFE_US
        return key.text

    def _new_text(self) -> str:
        # No Random: who has seen enough keys, and they are to be had for the asking, could tell the next.
        self._made += 1
        return hmac.new(self._secret, f"listen key {self._seed} {self._made}".encode(), hashlib.sha256).hexdigest()

    def keep(self, account: Account, now_us: int) -> None:
        self._live(account).expires_us = now_us + _LIFE_US

    def close(self, account: Account) -> None:
        key = self._live(account)
        del self._keys[account.address]
        self._hub.drop_stream(key.text)

    def expire_all(self, now_us: int, address: str | None = None) -> None:
        """Ends an account's key before its time, or every one, as the exchange does now and then."""
        for each in list(self._keys) if address is None else [address]:
            key = self._keys.pop(each, None)
            if key is not None:
                self._end(key, now_us)

    def listened_by(self, target: str) -> str | None:
        """Whose account a line at that path listens to from the start."""
        return next((address for address, key in self._keys.items() if key.text in target), None)

    def order_changed(self, order: PaperOrder, execution: str, trade: OwnTrade | None, now_us: int) -> None:
        key = self._listened(order.account)
        if key is None:
            return
        instrument = order.listing.instrument
        event = frames.OrderEvent(
            symbol=instrument.symbol,
            client_id=order.client_id,
            side=order.side.value,
            time_in_force=order.time_in_force.value,
            qty=instrument.quantity_text(order.lots),
            price=instrument.price_text(order.ticks) if order.ticks else "0",
            execution=execution,
            status=order.status.value,
            order_id=order.id,
            last_qty=instrument.quantity_text(trade.lots) if trade else "0",
            filled_qty=instrument.quantity_text(order.filled),
            last_price=instrument.price_text(trade.ticks) if trade else "0",
            trade_ms=now_us // 1000,
            trade_id=trade.trade_id if trade else 0,
            is_maker=trade.is_maker if trade else False,
            is_reduce_only=order.only_reduces,
            realised_pnl=f"{trade.realised:f}" if trade else "0",
            average_price=average_price(order),
            type=order.type,
            original_type=order.original_type,
            bids_notional=f"{order.holding.bids:f}",
            asks_notional=f"{order.holding.asks:f}",
            position_side=order.position_side.value,
        )
        condition = order.condition
        if condition:
            event.stop_price = instrument.price_text(condition.stop_ticks) if condition.stop_ticks else "0"
            event.working_type = condition.working_type
            event.is_close_all = condition.closes_position
        if condition and condition.rate_text:
            event.activation_price = instrument.price_text(condition.activation_ticks)
            event.callback_rate = condition.rate_text
        if trade:
            event.fee_asset = instrument.margin_asset
            event.fee = f"{trade.fee:f}"
        now_ms = now_us // 1000
        self._send(key, frames.OrderTradeUpdateFrame(event_ms=now_ms, transaction_ms=now_ms, order=event))

    def holding_changed(self, account: Account, holding: Holding, now_us: int) -> None:
        self._account_update(account, "ORDER", now_us, {holding.instrument.margin_asset: ZERO}, [holding])

    def funded(self, account: Account, holding: Holding, amount: Decimal, now_us: int) -> None:
        positions = [holding] if holding.stake.is_isolated else []
        self._account_update(account, "FUNDING_FEE", now_us, {holding.instrument.margin_asset: amount}, positions)

    def balance_changed(self, account: Account, asset: str, reason: str, change: Decimal, now_us: int) -> None:
        self._account_update(account, reason, now_us, {asset: change}, [])

    def cleared(self, account: Account, holding: Holding, amount: Decimal, now_us: int) -> None:
        positions = [holding] if holding.stake.is_isolated else []
        self._account_update(account, "INSURANCE_CLEAR", now_us, {holding.instrument.margin_asset: amount}, positions)

    def margin_moved(self, account: Account, holding: Holding, now_us: int) -> None:
        self._account_update(account, "MARGIN_TRANSFER", now_us, {holding.instrument.margin_asset: ZERO}, [holding])

    def margin_type_changed(self, account: Account, stake: Stake, now_us: int) -> None:
        sides = (PositionSide.LONG, PositionSide.SHORT) if account.is_hedge else (PositionSide.BOTH,)
        self._account_update(account, "MARGIN_TYPE_CHANGE", now_us, {}, [stake.holding(side) for side in sides])

    def leverage_changed(self, account: Account, stake: Stake, now_us: int) -> None:
        config = frames.SymbolConfig(symbol=stake.instrument.symbol, leverage=stake.leverage)
        self._configured(account, frames.AccountConfigFrame(now_us // 1000, now_us // 1000, symbol_config=config))

    def modes_changed(self, account: Account, now_us: int) -> None:
        config = AccountConfig(account.is_multi_assets, False, account.is_hedge)
        self._configured(account, frames.AccountConfigFrame(now_us // 1000, now_us // 1000, account_config=config))

    def margin_called(self, account: Account, holdings: Sequence[Holding], now_us: int) -> None:
        key = self._listened(account)
        if key is None:
            return
        positions = [
            CalledPosition(
                symbol=each.instrument.symbol,
                position_side=each.position_side.value,
                amount=f"{each.quantity:f}",
                margin_type="ISOLATED" if each.stake.is_isolated else "CROSSED",
                isolated_wallet=f"{each.isolated_wallet:f}",
                mark=f"{each.stake.mark:f}",
                unrealised_pnl=f"{each.unrealised:.8f}",
                maintenance=f"{each.maintenance:f}",
            )
            for each in holdings
        ]
        frame = MarginCallFrame(now_us // 1000, positions)
        if not holdings[0].stake.is_isolated:
            frame.cross_wallet = f"{account.collateral:f}"
        self._hub.broadcast(key.text, frames.encode(frame), PushKind.ACCOUNT)

    def _configured(self, account: Account, frame: frames.AccountConfigFrame) -> None:
        key = self._listened(account)
        if key is not None:
            self._send(key, frame)

    def _account_update(
        self, account: Account, reason: str, now_us: int, changes: Mapping[str, Decimal], holdings: Iterable[Holding]
    ) -> None:
        """`changes` are those of wallets apart from PnL and commission, by asset."""
        key = self._listened(account)
        if key is None:
            return
        balances = [
            frames.BalanceEvent(
                asset=asset,
                wallet=f"{account.balances[asset]:f}",
                cross_wallet=f"{account.cross_wallet(asset):f}",
                change=f"{change:f}",
            )
            for asset, change in changes.items()
        ]
        positions = [_position(holding) for holding in holdings]
        now_ms = now_us // 1000
        event = frames.AccountEvent(reason=reason, balances=balances, positions=positions)
        self._send(key, frames.AccountUpdateFrame(event_ms=now_ms, transaction_ms=now_ms, account=event))

    def is_heard(self, account: Account) -> bool:
        """Whether news of the account reaches any line."""
        return self._listened(account) is not None

    def _listened(self, account: Account) -> _Key | None:
        key = self._keys.get(account.address)
        return key if key and key.text in self._hub.listeners else None

    def _send(self, key: _Key, frame: frames.UserFrame) -> None:
        self._hub.broadcast(key.text, frames.encode(frame), PushKind.ACCOUNT)

    def _live(self, account: Account) -> _Key:
        key = self._keys.get(account.address)
        if key is None:
            raise Refusal(codes.INVALID_LISTEN_KEY, "This listenKey does not exist.")
        return key

    def _watch(self, address: str, key: _Key, due_us: int) -> None:
        self._timetable.at(due_us, lambda now_us: self._look_after(address, key, now_us))

    def _look_after(self, address: str, key: _Key, now_us: int) -> None:
        if self._keys.get(address) is not key:
            return
        if key.expires_us > now_us:
            self._watch(address, key, key.expires_us)
            return
        del self._keys[address]
        self._end(key, now_us)

    def _end(self, key: _Key, now_us: int) -> None:
        self._send(key, frames.ListenKeyExpiredFrame(event_ms=now_us // 1000))
        self._hub.drop_stream(key.text)


def _position(holding: Holding) -> frames.PositionEvent:
    return frames.PositionEvent(
        symbol=holding.instrument.symbol,
        amount=f"{holding.quantity:f}",
        entry_price=f"{holding.entry_price:f}",
        accumulated_realised=f"{holding.realised:f}",
        unrealised_pnl=f"{holding.unrealised:.8f}",
        margin_type="isolated" if holding.stake.is_isolated else "cross",
        isolated_wallet=f"{holding.isolated_wallet:f}",
        position_side=holding.position_side.value,
    )


def average_price(order: PaperOrder) -> str:
    if not order.filled:
        return "0.00000"
    return f"{order.quote / order.listing.instrument.quantity(order.filled):.8f}"
