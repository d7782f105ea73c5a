"""What can be asked to go wrong: how often by itself, and what at once on demand.

Owns: the words of faults, in JSON and in Python, their bounds and defaults. Must not know: chance, time, who carries
them out. Everything is off unless it is asked for.

Milliseconds and seconds stand in the names; a chance is a fraction from 0 to 1 of all requests or events; an
`…_every_s` is how often something happens on average, null for never.
"""

from __future__ import annotations

import math
from random import Random
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, structs

LONGEST_MS = 60_000.0
"""No message is under way for longer, whatever its distribution says."""

Chance = Annotated[float, Meta(ge=0, le=1)]
Milliseconds = Annotated[float, Meta(ge=0, le=LONGEST_MS)]
Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Every = Annotated[float, Meta(gt=0, le=86_400)] | None
Count = Annotated[int, Meta(ge=1, le=10_000)]


class Constant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="shape", tag="constant"):
    """Each message takes as long as the other."""

    ms: Milliseconds = 0.0

    @property
    def is_none(self) -> bool:
        return not self.ms

    def draw_ms(self, rng: Random) -> float:
        return self.ms


class Uniform(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="shape", tag="uniform"):
    low_ms: Milliseconds
    high_ms: Milliseconds

    def __post_init__(self) -> None:
        if self.low_ms > self.high_ms:
            raise ValueError("low_ms is above high_ms")

    @property
    def is_none(self) -> bool:
        return not self.high_ms

    def draw_ms(self, rng: Random) -> float:
        return rng.uniform(self.low_ms, self.high_ms)


class LogNormal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="shape", tag="lognormal"):
    """Half of all are faster than the median; `sigma` 0.5 makes one in a hundred three times as slow, 1 ten times."""

    median_ms: Milliseconds
    sigma: Annotated[float, Meta(ge=0, le=5)]

    @property
    def is_none(self) -> bool:
        return not self.median_ms

    def draw_ms(self, rng: Random) -> float:
        return min(self.median_ms * math.exp(rng.gauss(0.0, self.sigma)), LONGEST_MS)


Latency = Constant | Uniform | LogNormal
"""How long a message takes one way, beside what the way takes by itself."""


class FaultSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    to_venue: Latency = Constant()
    """Of requests, and of what a client sends on a line."""
    from_venue: Latency = Constant()
    """Of answers to requests."""
    stream: Latency = Constant()
    """Of frames. Requests overtake one another, frames of one line never do."""
    clock_skew_ms: Annotated[int, Meta(ge=-86_400_000, le=86_400_000)] = 0
    """How far the venue's clock is ahead: in its server time and in mark prices, and where nonces and timestamps are
    checked."""

    answer_503_executed: Chance = 0.0
    answer_503_not_executed: Chance = 0.0
    no_answer_executed: Chance = 0.0
    no_answer_not_executed: Chance = 0.0
    no_answer_after_s: Seconds = 0.0
    """How long a connection on which no answer comes stays open all the same: half-open until then."""
    answer_429: Chance = 0.0
    retry_after_s: Annotated[int, Meta(ge=1, le=86_400)] = 2
    answer_418: Chance = 0.0
    ban_s: Annotated[int, Meta(ge=1, le=259_200)] = 120
    order_not_found: Chance = 0.0
    """Of queries of an order that is there: the server that is asked lags behind the one that matches, and answers
    -2013. And of young orders: a list of the open ones lacks it."""
    order_not_found_for: Latency = Uniform(low_ms=100, high_ms=1400)
    """How long it then does so of that order; whoever asks after that is told. From its placement on, in lists."""

    event_dropped: Chance = 0.0
    event_duplicated: Chance = 0.0
    event_delayed: Chance = 0.0
    event_delay: Latency = Uniform(low_ms=100, high_ms=1000)
    event_reordered: Chance = 0.0
    """Comes after the next event on its line, or after a second when there is none."""

    reset_every_s: Every = None
    """All lines break without a close frame."""
    close_every_s: Every = None
    """All lines are ended by a close frame."""
    stall_every_s: Every = None
    stall_for_s: Seconds = 5.0
    """Lines stay up, and market data do not come."""
    half_open_every_s: Every = None
    half_open_for_s: Seconds = 30.0
    """On the lines there are, nothing is read or sent any more; then they break."""
    restart_every_s: Every = None
    restart_for_s: Seconds = 5.0
    listen_keys_expire_every_s: Every = None
    listen_key_expires_young: Chance = 0.0
    """Of the lines that begin to listen to an account: its key ends soon after."""
    listen_key_expires_after_s: Seconds = 3.0


LATENCIES = ("to_venue", "from_venue", "stream")


def latencies_only(settings: FaultSettings) -> FaultSettings:
    """The same ways, on a day when nothing breaks."""
    kept: dict[str, Any] = {name: getattr(settings, name) for name in LATENCIES}
    return structs.replace(FaultSettings(), **kept)


# What can be asked for at once. In JSON: {"fault": "requests", …}.


class Requests(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fault", tag="requests"):
    """What becomes of the next requests whose path begins so."""

    answer: Literal["503", "none", "429", "418"]
    executed: bool = False
    """Whether the request is carried out all the same; 429 and 418 never are."""
    count: Count = 1
    path: str = ""
    retry_after_s: Annotated[int, Meta(ge=1, le=259_200)] | None = None
    after_s: Seconds = 0.0
    """How long a connection on which no answer comes stays open."""


class Events(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fault", tag="events"):
    """What becomes of the next user events, whosever they are."""

    fate: Literal["dropped", "duplicated", "delayed", "reordered"]
    count: Count = 1


class CutLines(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fault", tag="cut"):
    """All lines end: by a close frame of that code, by none (1006). New ones are refused for a time."""

    code: Annotated[int, Meta(ge=1000, le=4999)] = 1006
    reason: Annotated[str, Meta(max_length=100)] = "connection lost"
    refused_for_s: Seconds = 0.0


class Stall(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fault", tag="stall"):
    for_s: Seconds = 5.0


class HalfOpen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fault", tag="half_open"):
    for_s: Seconds = 30.0


class Restart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fault", tag="restart"):
    """All lines break, and nobody is let in for a time. Orders and accounts are kept."""

    for_s: Seconds = 5.0


class ExpireListenKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fault", tag="keys"):
    """Of one account, or of all."""

    address: str | None = None


Happening = CutLines | Stall | HalfOpen | Restart | ExpireListenKeys
Once = Requests | Events | Happening
