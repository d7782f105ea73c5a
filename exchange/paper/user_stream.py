"""Listen keys, and the news that goes out under them (docs: User Data Streams).

Owns: the life of listen keys, and what ORDER_TRADE_UPDATE, ACCOUNT_UPDATE and their like carry. Must not know: lines.
An account without a live key has no news encoded for it.
"""

from __future__ import annotations

import random
from decimal import Decimal

from exchange.paper.accounts import Account
from exchange.paper.answers import Refusal
from exchange.paper.holding import ZERO, Holding, OwnTrade, Stake
from exchange.paper.order import PaperOrder
from exchange.paper.streams import Hub, PushKind
from exchange.paper.timetable import Timetable
from exchange.protocol import codes, frames
from exchange.protocol.streams import LISTEN_KEY_LIFE_S

_LIFE_US = LISTEN_KEY_LIFE_S * 1_000_000


class _Key:
    __slots__ = ("expires_us", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.expires_us = 0


class UserStreams:
    """Implements exchange.paper.order.News."""

    def __init__(self, hub: Hub, timetable: Timetable, seed: int) -> None:
        self._hub = hub
        self._timetable = timetable
        self._random = random.Random(f"{seed}:listen keys")
        self._keys: dict[str, _Key] = {}

    def start(self, account: Account, now_us: int) -> str:
        """The account's live key, its life begun anew; a new one if there is none."""
        key = self._keys.get(account.address)
        if key is None:
            key = self._keys[account.address] = _Key(f"{self._random.getrandbits(256):064x}")
            self._watch(account.address, key, now_us + _LIFE_US)
        key.expires_us = now_us + _LIFE_US
        return key.text

    def keep(self, account: Account, now_us: int) -> None:
        self._live(account).expires_us = now_us + _LIFE_US

    def close(self, account: Account) -> None:
        key = self._live(account)
        del self._keys[account.address]
        self._hub.drop_stream(key.text)

    def expire(self, account: Account, now_us: int) -> None:
        """Ends the account's key before its time, as the exchange does now and then."""
        key = self._live(account)
        del self._keys[account.address]
        self._end(key, now_us)

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
            price=instrument.price_text(order.ticks),
            execution=execution,
            status=order.status.value,
            order_id=order.id,
            last_qty=instrument.quantity_text(trade.lots) if trade else "0",
            filled_qty=instrument.quantity_text(order.filled),
            last_price=instrument.price_text(trade.ticks) if trade else "0",
            trade_ms=now_us // 1000,
            trade_id=trade.trade_id if trade else 0,
            is_maker=trade.is_maker if trade else False,
            is_reduce_only=order.reduce_only,
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
        key = self._listened(account)
        if key is None:
            return
        position = frames.PositionEvent(
            symbol=holding.instrument.symbol,
            amount=f"{holding.quantity:f}",
            entry_price=f"{holding.entry_price:f}",
            accumulated_realised=f"{holding.realised:f}",
            unrealised_pnl=f"{holding.unrealised:.8f}",
            position_side=holding.position_side.value,
        )
        self._account_update(key, account, holding, "ORDER", ZERO, [position], now_us)

    def funded(self, account: Account, holding: Holding, amount: Decimal, now_us: int) -> None:
        key = self._listened(account)
        if key is not None:
            self._account_update(key, account, holding, "FUNDING_FEE", amount, [], now_us)

    def leverage_changed(self, account: Account, stake: Stake, now_us: int) -> None:
        key = self._listened(account)
        if key is not None:
            config = frames.SymbolConfig(symbol=stake.instrument.symbol, leverage=stake.leverage)
            now_ms = now_us // 1000
            self._send(key, frames.AccountConfigFrame(now_ms, now_ms, config))

    def _account_update(
        self,
        key: _Key,
        account: Account,
        holding: Holding,
        reason: str,
        change: Decimal,
        positions: list[frames.PositionEvent],
        now_us: int,
    ) -> None:
        asset = holding.instrument.margin_asset
        wallet = f"{account.balances[asset]:f}"
        balance = frames.BalanceEvent(asset=asset, wallet=wallet, cross_wallet=wallet, change=f"{change:f}")
        event = frames.AccountEvent(reason=reason, balances=[balance], positions=positions)
        now_ms = now_us // 1000
        self._send(key, frames.AccountUpdateFrame(event_ms=now_ms, transaction_ms=now_ms, account=event))

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


def average_price(order: PaperOrder) -> str:
    if not order.filled:
        return "0.00000"
    return f"{order.quote / order.listing.instrument.quantity(order.filled):.8f}"
