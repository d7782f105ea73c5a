"""What is told to the ledger: one value an event, put together where it happens and written down later.

Owns: the words between whoever trades and the ledger, and the port that takes them. Must not know: databases, threads.
An entry holds what was at hand (ticks, lots, the newest ticker): making it costs the hot path a microsecond, and its
texts are made by whoever writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from exchange.model import BookTicker, Fill, FundingPayment, Instrument
from fleet.orders.lifecycle import WorkingOrder


@dataclass(frozen=True, slots=True)
class Traded:
    """A trade of ours. `ticker`, `mark`: the market when it was made; None for one that was heard of later."""

    instrument: Instrument
    fill: Fill
    ticker: BookTicker | None = None
    mark: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ListRead:
    """The trade list was read: whatever the venue has after trade `after` up to trade `to` was told before this."""

    symbol: str
    after: int
    to: int


@dataclass(frozen=True, slots=True)
class FundingRead:
    """All payments up to `to_ms` that were not told before."""

    payments: Sequence[FundingPayment]
    to_ms: int


@dataclass(frozen=True, slots=True)
class OrderChanged:
    instrument: Instrument
    order: WorkingOrder
    at_us: int


@dataclass(frozen=True, slots=True)
class Marked:
    """Where mid stood so many seconds after a trade."""

    symbol: str
    trade_id: int
    horizon_s: int
    mid: Decimal


@dataclass(frozen=True, slots=True)
class Holding:
    """A position as the venue told it, a flat one too: all trades up to `as_of_ms` are in it, and none after."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    mark: Decimal | None
    as_of_ms: int | None


@dataclass(frozen=True, slots=True)
class Equity:
    """What the account was worth; `unrealised` of all its positions, at mark."""

    at_ms: int
    wallet: Decimal
    unrealised: Decimal
    holdings: tuple[Holding, ...]


@dataclass(frozen=True, slots=True)
class ConfigTaken:
    """`text`: the effective configuration as JSON, without what could be a secret. `digest` is the file's."""

    at_ms: int
    version: int
    digest: str
    text: str


class Recording(Protocol):
    """What led up to an incident. Made into bytes by whoever writes it down: that takes milliseconds."""

    def packed(self) -> bytes | None:
        """None when there is nothing to keep."""
        ...


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that the owner may want to look into. `kind` is one word or two, for counting."""

    at_ms: int
    kind: str
    text: str
    symbol: str | None = None
    recording: Recording | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RunStopped:
    at_ms: int
    is_clean: bool


Entry = Traded | ListRead | FundingRead | OrderChanged | Marked | Equity | ConfigTaken | Incident | RunStopped


class Recorder(Protocol):
    """A ledger, as the runtime is handed it. `write` never blocks and never raises."""

    @property
    def is_kept(self) -> bool:
        """Whether anything is written down at all."""
        ...

    @property
    def problem(self) -> str:
        """Why nothing can be written at the moment; empty while it can."""
        ...

    @property
    def lost(self) -> int:
        """Entries that found no room. Of trades and funding nothing is lost by it: they are read again."""
        ...

    @property
    def waiting(self) -> int:
        """Entries that are not on disk yet."""
        ...

    def write(self, entry: Entry) -> None: ...

    def symbols(self) -> list[str]:
        """Those of which trades are on record."""
        ...

    def read_to(self, symbol: str) -> int:
        """The trade up to which none is missing on disk; 0 when nothing is known."""
        ...

    def last_trade_ms(self, symbol: str) -> int | None:
        """When the trade of `read_to` was made, where it is on record."""
        ...

    def funding_from_ms(self) -> int | None:
        """From when on funding payments may be missing on disk; None when nothing was ever traded."""
        ...

    def begin_account(self, now_ms: int) -> None:
        """The venue's account is another than the one on record: a new one is begun beside it."""
        ...

    def reread(self) -> bool:
        """Whether entries were lost since this was last asked: then the trade lists must be read on again."""
        ...

    def refused(self) -> list[str]:
        """What was left out since this was last asked because it makes no sense, in words for the owner."""
        ...


class NoLedger:
    """Keeps nothing."""

    is_kept = False
    problem = ""
    lost = 0
    waiting = 0

    def write(self, entry: Entry) -> None:
        pass

    def symbols(self) -> list[str]:
        return []

    def read_to(self, symbol: str) -> int:
        return 0

    def last_trade_ms(self, symbol: str) -> int | None:
        return None

    def funding_from_ms(self) -> int | None:
        return None

    def begin_account(self, now_ms: int) -> None:
        pass

    def reread(self) -> bool:
        return False

    def refused(self) -> list[str]:
        return []
