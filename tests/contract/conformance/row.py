"""The words that rows are written in.

Owns: rows, their steps, and what each expects. Must not know: how a step is carried out.

Text in a row may hold `<name.field>`, a field of an answer kept under that name; `<mark-1.5%>`, a price so far from the
mark price, on the tick; `<now>` and `<now-5000>`, the venue's time in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

from conformance.signing import V3, Auth

Actor = Literal["us", "somebody"]
Params = Mapping[str, Any]
_NOTHING: Mapping[str, Any] = {}
_AS_DOCUMENTED = V3()


class Needs(IntEnum):
    """What a venue must grant for a row to be played there."""

    PUBLIC = 0
    SIGNED = 1
    """Keys; nothing is traded or changed."""
    ORDERS = 2
    """Orders and settings."""
    PAPER = 3
    """A venue of our own: a second account, a market in our hand, limits that may be broken."""


@dataclass(frozen=True, slots=True)
class Above:
    number: str | int


@dataclass(frozen=True, slots=True)
class Matches:
    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """`shape` is an example of the docs, `where` what stands at dotted paths in the answer (`#`: how many, `*`: each).

    `code` alone means HTTP 400 and one of the docs' messages for that code.
    """

    status: int | None = None
    """0: any."""
    code: int | None = None
    msg: str | None = None
    shape: Any = None
    where: Params = field(default_factory=lambda: _NOTHING)
    headers: Params = field(default_factory=lambda: _NOTHING)
    rule: Callable[[Any], list[str]] | None = None
    """What keeps an answer of the right shape from making sense."""
    may_be_empty_abroad: bool = False
    """Where nothing can be brought about, a list that has no member will do instead of `shape`."""


ANYTHING = Expect()


@dataclass(frozen=True, slots=True)
class Call:
    """A request. A path without a slash in front is under /fapi/v3/."""

    method: str
    path: str
    params: Params = field(default_factory=lambda: _NOTHING)
    expect: Expect = ANYTHING
    auth: Auth | None = _AS_DOCUMENTED
    by: Actor = "us"
    keep: str = ""
    times: int = 1
    """Sent so often; the last answer is looked at."""


@dataclass(frozen=True, slots=True)
class Dial:
    """Opens a websocket. `status`: instead of opening, the venue answers so."""

    target: str
    line: str = "line"
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Say:
    message: Any
    """Text as it is, anything else as JSON."""
    line: str = "line"
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Hear:
    """The first frame not yet heard that has `match` at its dotted paths."""

    match: Params = field(default_factory=lambda: _NOTHING)
    expect: Expect = ANYTHING
    line: str = "line"
    keep: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """No such frame, for so long."""

    match: Params = field(default_factory=lambda: _NOTHING)
    seconds: float
    line: str = "line"


@dataclass(frozen=True, slots=True)
class Closed:
    """The venue ends the line."""

    line: str = "line"
    codes: tuple[int, ...] = (1000, 1001, 1008)


@dataclass(frozen=True, slots=True)
class Ping:
    line: str = "line"


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


@dataclass(frozen=True, slots=True)
class Mark:
    """Moves the mark price of a paper market; as a fraction of what it was at first, such as "1.5"."""

    factor: str


@dataclass(frozen=True, slots=True)
class OnPaper:
    """What happens by itself at a real venue, and at one of our own has to be brought about."""

    steps: tuple[Step, ...]


Step = Call | Dial | Say | Hear | Silence | Closed | Ping | Wait | Mark | OnPaper


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    section: str
    """The docs' heading."""
    name: str
    steps: tuple[Step, ...]
    needs: Needs
    settings: Params = field(default_factory=lambda: _NOTHING)
    """Of the paper exchange."""
    is_long: bool = False
    """Takes too long for a clock on a wall: it is played in virtual time only."""
    on_sockets_only: bool = False

    @property
    def id(self) -> str:
        return f"{self.section}: {self.name}"
