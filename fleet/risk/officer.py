"""Who holds a symbol's wishes against the checks: keeps what they need to know, and counts what was refused.

Owns: what each symbol holds, the loss watch, refusals and why the last ones were. Must not know: tasks, requests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from exchange.model import Amend, BookTicker, Cancel, Instrument, Place, Side
from exchange.ports import RequestClass
from fleet.config.models import SymbolConfig
from fleet.config.risk import Risk
from fleet.ledger.books import SymbolBook
from fleet.orders.lifecycle import WorkingOrder
from fleet.orders.plan import CANCEL_COST, Action, Change
from fleet.risk.checks import Approved, Known, Reason, Refused, check, find, room_usd
from fleet.risk.exposure import Held, after, order_usd, position_usd, worst
from fleet.risk.fills import FillWindow
from fleet.risk.loss import Basis, LossWatch, RiskMemory
from strategies.base import Quote


class FleetRisk:
    """What the symbols share."""

    def __init__(self, limits: Risk, loss: LossWatch, memory: RiskMemory | None = None) -> None:
        self.limits = limits
        self.loss = loss
        self._held: dict[str, Held] = {}
        self._results: dict[str, Decimal] = {}
        self._began: dict[str, Decimal] = {}
        self._bases: dict[str, Basis] = {}
        self._remembered = dict(memory.bases) if memory else {}
        """Bases of an earlier process that no worker has taken up."""
        self._taken_up: dict[str, int] = {}
        """The days of those that were taken up, until their symbol's result is counted."""
        self.left: dict[str, None] = dict.fromkeys(memory.held) if memory else {}
        """Symbols that the fleet has traded and left with a position, once none of them is in it."""
        saved = memory.fills if memory else {}
        self._windows = {symbol: FillWindow.of(*window) for symbol, window in saved.items()}

    @property
    def is_capped(self) -> bool:
        return self.limits.max_position_usd is not None or self.limits.max_open_usd is not None

    def others(self, symbol: str) -> Held:
        if not self.is_capped:
            return Held()
        held = [each for name, each in self._held.items() if name != symbol]
        position_usd = sum((each.position_usd for each in held), Decimal(0))
        return Held(position_usd, sum((each.open_usd for each in held), Decimal(0)))

    def hold(self, symbol: str, held: Held) -> None:
        """What a symbol may come to hold, told with each of its plans while there are limits of the fleet."""
        self._held[symbol] = held

    def leave(self, symbol: str, position_usd: Decimal) -> None:
        """It is not, or no more, in the fleet: what it holds there counts as long as it is there."""
        if position_usd:
            self.left[symbol] = None
            self._held[symbol] = Held(position_usd)
        else:
            self.left.pop(symbol, None)
            self._held.pop(symbol, None)
            self._remembered.pop(symbol, None)

    def expect_left(self, symbol: str) -> None:
        """It is not in the fleet, and an order of the fleet's may have traded there: what it holds is to be counted."""
        self.left.setdefault(symbol)

    def window(self, symbol: str) -> FillWindow:
        return self._windows.setdefault(symbol, FillWindow())

    def remembered(self, symbol: str) -> Basis | None:
        """How far an earlier process counted its result, until that is taken up."""
        return self._remembered.get(symbol)

    def remembers(self, symbols: Iterable[str]) -> bool:
        return any(symbol in self._remembered for symbol in symbols)

    def take_up(self, symbol: str, made: Decimal) -> None:
        """Its result goes on from where an earlier process counted it to; since then its trades have made so much."""
        basis = self._remembered.pop(symbol)
        self._began[symbol], self._taken_up[symbol] = basis.unrealised - made, basis.day

    def forget(self, symbol: str) -> None:
        """Its result begins with this process."""
        self._remembered.pop(symbol, None)

    def count(self, symbol: str, result: Decimal, began_with: Decimal, basis: Basis) -> None:
        """A symbol's result, and how far it is counted by that. What its position began with is no gain and no loss,
        unless an earlier process had counted it."""
        if symbol in self._remembered:
            return
        began = self._began.setdefault(symbol, began_with)
        if symbol in self._taken_up:
            self.loss.moved_since(self._taken_up.pop(symbol), result - began)
        self._results[symbol], self._bases[symbol] = result, basis

    def result(self) -> Decimal:
        return sum((result - self._began[symbol] for symbol, result in self._results.items()), Decimal(0))

    @property
    def memory(self) -> RiskMemory:
        loss = self.loss.memory
        bases = {symbol: replace(basis, day=loss.day) for symbol, basis in self._bases.items()}
        saved = {symbol: window.saved() for symbol, window in self._windows.items()}
        fills = {symbol: window for symbol, window in saved.items() if any(window)}
        held = {**self.left, **{symbol: None for symbol, basis in bases.items() if basis.lots}}
        return replace(loss, bases={**self._remembered, **bases}, fills=fills, held=tuple(held))


class SymbolRisk:
    """One symbol's. It outlives the symbol's workers."""

    def __init__(self, symbol: str, fleet: FleetRisk) -> None:
        self.symbol = symbol
        self.fleet = fleet
        self.killed = ""
        """Why no order of the symbol may stand at all: its owner said so."""
        self.closing = ""
        """The same while its position is being closed at the market: an order that rests would be in the way."""
        self.owed: tuple[WorkingOrder, ...] = ()
        """Orders that are gone with their worker. The trades of some may not be counted yet: to the fleet's limits they
        are what they were until its successor has read the list."""
        self.fills = fleet.window(symbol)
        self.refusals: Counter[Reason] = Counter()
        """How often each reason began to refuse a side."""
        self._refused: dict[Side, Refused] = {}
        self._before: dict[Side, Refused] = {}

    @property
    def words(self) -> str:
        """Why a quote that is wanted is not sent; empty when none is held back."""
        return next((refused.words for refused in self._refused.values()), "")

    def known(
        self,
        config: SymbolConfig,
        book: SymbolBook,
        ticker: BookTicker | None,
        mark: Decimal | None,
        now_us: int,
    ) -> Known:
        return Known(
            config=config,
            limits=self.fleet.limits,
            instrument=book.instrument,
            position_usd=position_usd(book, mark),
            cost_usd=book.cost,
            ticker=ticker,
            mark=mark,
            others=self.fleet.others(self.symbol),
            stop=self.stop(config, now_us),
        )

    def stop(self, config: SymbolConfig, now_us: int) -> Refused | None:
        """Why nothing may be opened, whatever its size."""
        if self.fleet.loss.limit:
            return Refused(Reason.LOSS, self.fleet.loss.limit)
        if self.fills.is_paused(config.max_fills, now_us):
            return Refused(Reason.FILLS, "too many fills in a short time: opens nothing for a while")
        return None

    def permitted(self, known: Known, standing: Iterable[WorkingOrder], quotes: Iterable[Quote]) -> tuple[Quote, ...]:
        """The quotes that may stand: if nothing but them stood, no limit would be stepped over.

        What is refused is no quote any more, so that the order which stands for it is cancelled.
        """
        self._before, self._refused = self._refused, {}
        room = room_usd(known.config, known.cost_usd)
        let: list[Quote] = []
        alone: tuple[WorkingOrder, ...] = ()
        for quote in quotes:
            place = Place(self.symbol, "", quote.side, quote.price_ticks, quote.lots, quote.reduce_only)
            if self._approves(known, alone, place):
                alone = after(alone, place)
                let.append(quote if room is None else _exact(known.instrument, standing, room, quote))
        return tuple(let)

    def let_through(
        self, known: Known, orders: Iterable[WorkingOrder], changes: Iterable[Change]
    ) -> tuple[Change, ...]:
        """The changes that may be sent now, whatever of what was sent before has been carried out."""
        orders = tuple(orders)
        let: list[Change] = []
        for wanted in changes:
            is_let = self._approves(known, orders, wanted.action)
            change = wanted if is_let else self._instead(known, orders, wanted)
            if change is not None:
                orders = after(orders, change.action)
                let.append(change)
        self._count()
        if self.fleet.is_capped:
            self.fleet.hold(self.symbol, worst(known.instrument, known.position_usd, orders))
        return tuple(let)

    def _instead(self, known: Known, orders: tuple[WorkingOrder, ...], change: Change) -> Change | None:
        """An order that may not become larger now must not stand still for it while the market comes nearer."""
        action = change.action
        order = find(orders, action.client_id) if isinstance(action, Amend) else None
        if order is None or not isinstance(action, Amend) or self._refused[action.side].reason is Reason.SELF_TRADE:
            return None
        smaller = replace(action, lots=min(action.lots, order.lots))
        if isinstance(check(known, orders, smaller), Approved):
            return replace(change, action=smaller)
        cancel = Cancel(action.symbol, action.client_id)
        key = (action.symbol, action.client_id)
        return replace(change, key=key, action=cancel, request_class=RequestClass.CANCEL, cost=CANCEL_COST)

    def _approves(self, known: Known, orders: tuple[WorkingOrder, ...], action: Action) -> bool:
        verdict = check(known, orders, action)
        if isinstance(verdict, Approved) or not isinstance(action, Place | Amend):
            return True
        self._refused.setdefault(action.side, verdict)
        return False

    def _count(self) -> None:
        """A refusal lasts as long as it stands in the way: each market tick asks again."""
        for side, refused in self._refused.items():
            before = self._before.get(side)
            if before is None or before.reason is not refused.reason:
                self.refusals[refused.reason] += 1


def _exact(instrument: Instrument, standing: Iterable[WorkingOrder], room: Decimal, quote: Quote) -> Quote:
    """A standing order that is over the limits is not near enough: the file was edited, or it was adopted.

    `room` is what is left by what the position was opened for: that prices move makes no order too large.
    """
    too_large = not quote.reduce_only and any(
        order.side is quote.side and not order.reduce_only and order_usd(instrument, order) > room for order in standing
    )
    return replace(quote, lots_tolerance=0) if too_large else quote
