"""`paper.faults` of a fleet file: what goes wrong on the paper exchange.

Owns: names, bounds and defaults. Must not know: how any of it is carried out (exchange.paper.fault_settings has the
same list in the exchange's own words; a test holds the two together).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, cast

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from fleet.config.frozen import Frozen, Number, Whole
from strategies.units import Duration, Fraction, duration_between, fraction_between, wrong

_LONGEST_LATENCY_MS = 60_000
_Way = Annotated[Duration, duration_between(0, _LONGEST_LATENCY_MS)]
_Spell = Annotated[Duration, duration_between(0, 86_400_000)]
_Often = Annotated[Duration, duration_between(1, 86_400_000)]
_Second = Annotated[Duration, duration_between(1000, 86_400_000)]
_Chance = Annotated[Fraction, fraction_between(Decimal(0), Decimal(1), low_included=True, high_included=True)]


class Between(Frozen):
    """Any duration between two is as likely as another."""

    low_ms: _Way = Field(alias="low", description="The shortest.")
    high_ms: _Way = Field(alias="high", description="The longest.")

    @model_validator(mode="after")
    def _in_order(self) -> Between:
        if self.low_ms > self.high_ms:
            raise wrong("low is above high", "the shorter duration as low")
        return self


class LogNormal(Frozen):
    """Half are faster than the median; with sigma 0.5 one in a hundred takes three times as long, with 1 ten times."""

    median_ms: _Way = Field(alias="median", description="As many are faster as are slower.")
    sigma: Number = Field(ge=0, le=5, description="How far they are spread: 0 not at all, 0.5 moderately, 1 widely.")


def _latency_kind(value: object) -> str | None:
    if isinstance(value, BaseModel):
        return "between" if isinstance(value, Between) else "log_normal"
    if isinstance(value, dict):
        keys = set(cast("dict[object, object]", value))
        return "between" if keys == {"low", "high"} else "log_normal" if keys == {"median", "sigma"} else None
    return None if isinstance(value, list) or value is None else "duration"


Latency = Annotated[
    Annotated[_Way, Tag("duration")] | Annotated[Between, Tag("between")] | Annotated[LogNormal, Tag("log_normal")],
    Discriminator(
        _latency_kind,
        custom_error_type="unit",
        custom_error_message="{what}: {right}",
        custom_error_context={
            "what": "is no latency",
            "right": "a duration such as 20ms, {low: 5ms, high: 50ms} or {median: 20ms, sigma: 0.5}",
        },
    ),
]


_UP_TO_A_SECOND = Between.model_construct(low_ms=100, high_ms=1000)
_AS_SERVERS_LAG = Between.model_construct(low_ms=100, high_ms=1400)


class Faults(Frozen):
    """What goes wrong on the paper exchange, from its seed; nothing unless it is named."""

    to_venue_ms: Latency = Field(default=0, alias="to_venue", description="What a request takes on its way there.")
    from_venue_ms: Latency = Field(default=0, alias="from_venue", description="What an answer takes on its way back.")
    stream_ms: Latency = Field(default=0, alias="stream", description="What a frame of a stream takes.")
    clock_skew_ms: Whole = Field(
        default=0, ge=-86_400_000, le=86_400_000, description="Milliseconds that the venue's clock is ahead."
    )
    answer_503_executed: _Chance = Field(
        default=Decimal(0), description="Share of requests that are answered 503 and carried out all the same."
    )
    answer_503_not_executed: _Chance = Field(
        default=Decimal(0), description="Share of requests that are answered 503 and not carried out."
    )
    no_answer_executed: _Chance = Field(
        default=Decimal(0), description="Share of requests that are carried out, and the connection breaks."
    )
    no_answer_not_executed: _Chance = Field(
        default=Decimal(0), description="Share of requests that never arrive, as the connection breaks."
    )
    no_answer_after_ms: _Spell = Field(
        default=0, alias="no_answer_after", description="How long such a connection stays open, half-open, before."
    )
    answer_429: _Chance = Field(default=Decimal(0), description="Share of requests that are refused with HTTP 429.")
    retry_after_ms: _Second = Field(default=2000, alias="retry_after", description="What such a refusal asks for.")
    answer_418: _Chance = Field(default=Decimal(0), description="Share of requests that are refused with HTTP 418.")
    ban_ms: _Second = Field(default=120_000, alias="ban", description="The ban that such a refusal tells of.")
    order_not_found: _Chance = Field(
        default=Decimal(0),
        description="Share of queries of an order that is there which are answered -2013, and of orders that no list "
        "of open ones has at first.",
    )
    order_not_found_for_ms: Latency = Field(
        default=_AS_SERVERS_LAG,
        alias="order_not_found_for",
        description="How long queries of that order then are; how young such an order then is.",
    )
    event_dropped: _Chance = Field(default=Decimal(0), description="Share of user events that never come.")
    event_duplicated: _Chance = Field(default=Decimal(0), description="Share of user events that come twice.")
    event_delayed: _Chance = Field(default=Decimal(0), description="Share of user events that come late.")
    event_delay_ms: Latency = Field(
        default=_UP_TO_A_SECOND,
        alias="event_delay",
        description="How late such an event comes.",
    )
    event_reordered: _Chance = Field(
        default=Decimal(0), description="Share of user events that come after the one behind them."
    )
    reset_every_ms: _Often | None = Field(
        default=None, alias="reset_every", description="All lines break without a close frame so often, on average."
    )
    close_every_ms: _Often | None = Field(
        default=None, alias="close_every", description="All lines are ended by a close frame so often, on average."
    )
    stall_every_ms: _Often | None = Field(
        default=None, alias="stall_every", description="Market data stop coming so often, on average."
    )
    stall_for_ms: _Spell = Field(default=5000, alias="stall_for", description="How long they do not come.")
    half_open_every_ms: _Often | None = Field(
        default=None, alias="half_open_every", description="All lines go silent and deaf so often, on average."
    )
    half_open_for_ms: _Spell = Field(default=30_000, alias="half_open_for", description="After which they break.")
    restart_every_ms: _Often | None = Field(
        default=None, alias="restart_every", description="The exchange restarts so often, on average."
    )
    restart_for_ms: _Spell = Field(default=5000, alias="restart_for", description="How long it lets nobody in.")
    listen_keys_expire_every_ms: _Often | None = Field(
        default=None, alias="listen_keys_expire_every", description="All listen keys end so often, on average."
    )
    listen_key_expires_young: _Chance = Field(
        default=Decimal(0), description="Share of user streams whose listen key ends soon after connecting."
    )
    listen_key_expires_after_ms: _Spell = Field(default=3000, alias="listen_key_expires_after", description="How soon.")
