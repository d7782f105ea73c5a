"""The exchange of a bad day: in memory, with what is wrong with it now, and what its owner does there by hand.

Owns: its market and limits, which faults it has at a time, the owner's own orders. Must not know: fleets, processes,
when something is to go wrong.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from decimal import Decimal

import anyio
from msgspec.structs import replace

from exchange.clock import Clock
from exchange.model import Instrument, RateLimit, Side, TimeInForce
from exchange.paper import instruments as listed
from exchange.paper.answers import Refusal
from exchange.paper.calibration import parameters_for
from exchange.paper.config import PaperSettings
from exchange.paper.engine import Engine
from exchange.paper.entry import NewOrder
from exchange.paper.fault_settings import FaultSettings, HalfOpen, Once, Requests
from exchange.paper.faults import EventFate, FaultPlan
from exchange.paper.order import PaperOrder
from exchange.paper.runner import Runner
from exchange.paper.synthetic import SyntheticMarket
from exchange.paper.venue import Venue as PaperVenue
from fleet.config.models import FleetConfig
from fleet.simulation.loop import START_US
from fleet.simulation.trouble import Day, Spell

TIGHT_LIMITS = (RateLimit("REQUEST_WEIGHT", 60, 1200), RateLimit("ORDERS", 60, 120), RateLimit("ORDERS", 10, 30))
TIGHT_EVERY = 4
"""Each so-many-th day the exchange has lowered its limits: the budget is spent all the time."""

QUOTES_SHARE = 0.1
"""Of what a market's makers do on other days: takers bring the fills, and makers only take time."""


class _Fates(FaultPlan):
    """The exchange's own, and it tells of news that it loses: the watch must know what no fleet can."""

    def __init__(self, settings: FaultSettings, seed: int, note_lost: Callable[[], None]) -> None:
        super().__init__(settings, seed)
        self._note_lost = note_lost

    def event_fate(self) -> EventFate | None:
        fate = super().event_fate()
        if fate is EventFate.DROPPED:
            self._note_lost()
        return fate


class Exchange:
    def __init__(self, day: Day, config: FleetConfig) -> None:
        self.clock = Clock(START_US)
        self.paper = _paper(config, day.seed, self.clock)
        self.on_lost: Callable[[int], None] = lambda until_us: None
        """News of the account is lost until then, on a line that stays up."""
        self.banned_until_s = 0.0
        self._day = day
        self._settings = day.faults
        self._spells: list[Spell] = []
        self.runner = Runner(self.paper, self.clock.now_us, self._fates())

    # --- what is wrong with it

    def begin(self, spell: Spell) -> None:
        self._spells.append(spell)
        self._set_faults()

    def end(self, spell: Spell) -> None:
        self._spells.remove(spell)
        self._set_faults()

    def step_clock(self, ahead_ms: int) -> None:
        self._settings = replace(self._settings, clock_skew_ms=ahead_ms)
        self._set_faults()

    def break_once(self, once: Once) -> None:
        if isinstance(once, Requests) and once.answer == "418":
            self.banned_until_s = anyio.current_time() + self._settings.ban_s
        if isinstance(once, HalfOpen):
            self.on_lost(self.clock.now_us() + round(once.for_s * 1e6))
        self.runner.inject(once)

    def calm(self) -> None:
        """Nothing goes wrong any more; its clock stays where it is."""
        self._spells.clear()
        self.runner.faults = self._fates()
        self._set_faults()

    def loosen(self) -> None:
        """What was asked lately leaves room for more."""
        self.paper.change_limits([dataclasses.replace(each, limit=each.limit * 10) for each in listed.REAL_LIMITS])

    def _fates(self) -> FaultPlan:
        return _Fates(self._day.faults, self._day.seed, lambda: self.on_lost(self.clock.now_us()))

    def _set_faults(self) -> None:
        chances = {spell.name: spell.chance for spell in self._spells}
        self.runner.set_faults(replace(self._settings, **chances))

    # --- the owner, by hand

    def place(self, symbol: str, client_id: str) -> PaperOrder | None:
        """An order of his that rests. None when the exchange refuses it."""
        return self._order(symbol, Side.BUY, client_id)

    def trade(self, symbol: str, side: Side) -> None:
        self._order(symbol, side)

    def _order(self, symbol: str, side: Side, client_id: str = "") -> PaperOrder | None:
        """Of a little more than may be ordered at least; without an id at the market."""
        placed: list[PaperOrder] = []

        def place(engine: Engine) -> None:
            listing = engine.listing(symbol)
            instrument = listing.instrument
            ticks = instrument.floor_price(listing.mark * Decimal("0.99"))
            lots = max(instrument.floor_lots(10 / instrument.price(ticks)) + 1, instrument.min_lots)
            new = NewOrder(
                side=side,
                type="LIMIT" if client_id else "MARKET",
                time_in_force=TimeInForce.GTC,
                ticks=ticks if client_id else 0,
                lots=lots,
                reduce_only=False,
                client_id=client_id,
                wants_result=False,
            )
            try:
                placed.append(engine.orders.place(self.paper.account(), listing, new, engine.now_us))
            except Refusal:
                return
            engine.acted(listing)

        self.runner.act(place)
        return placed[0] if placed else None


def _paper(config: FleetConfig, seed: int, clock: Clock) -> PaperVenue:
    symbols = tuple(config.symbols)
    settings = PaperSettings(
        symbols=symbols,
        listed=tuple(symbol for symbol in listed.trading_symbols() if symbol not in symbols),
        balances=config.paper.balance,
        limits=TIGHT_LIMITS if seed % TIGHT_EVERY == 0 else listed.REAL_LIMITS,
        seed=seed,
    )

    def market(instrument: Instrument, now_us: int) -> SyntheticMarket:
        parameters = parameters_for(instrument)
        calmer = dataclasses.replace(parameters, quotes_per_s=parameters.quotes_per_s * QUOTES_SHARE)
        return SyntheticMarket(instrument, calmer, seed, now_us)

    return PaperVenue(settings, market, clock.now_us())
