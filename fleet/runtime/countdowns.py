"""The exchange's countdowns as values, one a symbol, and which of them is to be told something now. Pure.

    ──heartbeat──> guards its symbol's orders, surely until `until_us` ──heartbeat──> ...
                      └─ none in time: the exchange has cancelled every order of the symbol

Owns: when a heartbeat is due, and what is believed of a countdown after each. Must not know: tasks, the gate, whose
orders there are. Times are microseconds of a clock that does not leap.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from fleet.orders.lifecycle import NONCE_WINDOW_US

RETRY_US = 500_000
LONGEST_RETRY_US = 5_000_000
LONGEST_REFUSED_US = 30_000_000
REFUSED_OFTEN = 3
"""A countdown that so often may not even be ended is given up."""


@dataclass(frozen=True, slots=True)
class Countdown:
    """`until_us` is 0 when it is not known to run. `may_run` is true too when nobody knows: an earlier run's may."""

    symbol: str
    may_run: bool = False
    sent_us: int = 0
    """When the heartbeat was sent that it runs by."""
    until_us: int = 0
    timeout_us: int = 0
    under_way: bool = False
    tried_us: int = 0
    failures: int = 0
    """In a row."""
    not_before_us: int = 0
    stray_us: int = 0
    """Until when a heartbeat that got no answer may still arrive, and overrule one that was sent after it."""
    stray_timeout_us: int = 0
    kept_until_us: int = 0
    """Not ended before: what an earlier run had sent may come yet."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What all have in common. `timeout_us` 0: switched off."""

    timeout_us: int = 0
    interval_us: int = 0


@dataclass(frozen=True, slots=True)
class Way:
    """How the way to the exchange has been."""

    last_us: int = 0
    """When the last heartbeat left."""
    failures: int = 0
    """Outages in a row, whichever symbols met them."""
    not_before_us: int = 0


@dataclass(frozen=True, slots=True)
class Beat:
    """One request: the countdown starts anew, or (0) ends."""

    symbol: str
    timeout_us: int


@dataclass(frozen=True, slots=True)
class Round:
    beats: tuple[Beat, ...]
    wake_us: int | None
    """When to look again though nothing has happened."""


def due(countdowns: Collection[Countdown], wanted: Collection[str], terms: Terms, way: Way, now_us: int) -> Round:
    """What is to be sent now: those of `wanted` are to run, the others to end.

    One that does not run yet is started at once. After that it is one symbol's turn after the other's, evenly over the
    interval, whichever was told longest ago, so that heartbeats make no bursts. While nothing gets through, one at a
    time tries, each in turn: an outage must not eat the budget that mends what it has left behind.
    """
    turns = _turns(countdowns, wanted, terms, way)
    hold_us = way.not_before_us if way.failures else 0
    asked = [
        (max(turns[each.symbol], each.not_before_us, hold_us), each)
        for each in countdowns
        if each.symbol in turns and not each.under_way
    ]
    ready = [each for at_us, each in asked if at_us <= now_us]
    if way.failures:
        ready = sorted(ready, key=lambda each: each.tried_us)[:1]
    ready.sort(key=lambda each: each.until_us)
    beats = tuple(Beat(each.symbol, terms.timeout_us if each.symbol in wanted else 0) for each in ready)
    return Round(beats, min((at_us for at_us, _ in asked if at_us > now_us), default=None))


def _turns(countdowns: Collection[Countdown], wanted: Collection[str], terms: Terms, way: Way) -> dict[str, int]:
    """When each is to be told something, 0 for at once. Those that are to be told nothing are left out."""
    turns: dict[str, int] = {}
    running: list[Countdown] = []
    for each in countdowns:
        if each.symbol not in wanted:
            if each.may_run:
                turns[each.symbol] = each.kept_until_us
        elif not each.until_us or each.timeout_us != terms.timeout_us:
            turns[each.symbol] = 0
        else:
            turns[each.symbol] = each.sent_us + terms.interval_us
            if each.stray_us and not each.stray_timeout_us:
                turns[each.symbol] = min(turns[each.symbol], each.stray_us)
            running.append(each)
    waiting = [each for each in running if not each.under_way and not each.failures]
    if waiting:
        oldest = min(waiting, key=lambda each: each.sent_us).symbol
        turns[oldest] = min(turns[oldest], way.last_us + terms.interval_us // len(running))
    return turns


def urgent_us(countdown: Countdown, terms: Terms, now_us: int) -> int | None:
    """From when on the heartbeat of one that is to run goes with the cancels; None: never.

    One that guards nothing yet, or no more, is a new quote's business. One that has run for less than half of its time
    can wait: were all of a fleet's that are due to go before, in a minute whose weight is spent, they would take all
    that is kept for cancels.
    """
    if now_us >= countdown.until_us:
        return None
    return max(countdown.sent_us + terms.interval_us, countdown.until_us - countdown.timeout_us // 2)


def asking(countdown: Countdown, now_us: int) -> Countdown:
    """Leave to send is asked for."""
    return replace(countdown, under_way=True, tried_us=now_us)


def sending(countdown: Countdown, beat: Beat, now_us: int) -> Countdown:
    """The request leaves. From now on only the less favourable of before and after it is sure."""
    until_us = min(countdown.until_us, now_us + beat.timeout_us) if beat.timeout_us else 0
    return replace(countdown, under_way=True, tried_us=now_us, until_us=until_us)


def confirmed(countdown: Countdown, beat: Beat, sent_us: int) -> Countdown:
    differs = bool(countdown.stray_timeout_us) != bool(beat.timeout_us)
    stray_us = countdown.stray_us if differs and sent_us < countdown.stray_us else 0
    return replace(
        countdown,
        may_run=bool(beat.timeout_us or stray_us),
        sent_us=sent_us,
        until_us=sent_us + beat.timeout_us if beat.timeout_us else 0,
        timeout_us=beat.timeout_us,
        under_way=False,
        failures=0,
        not_before_us=0 if beat.timeout_us else stray_us,
        stray_us=stray_us,
    )


def lost(countdown: Countdown, beat: Beat, sent_us: int, now_us: int, longest_us: int = LONGEST_RETRY_US) -> Countdown:
    """No answer: it may have been carried out, or may yet be."""
    return replace(
        not_carried_out(countdown, now_us, longest_us),
        may_run=True,
        stray_us=sent_us + NONCE_WINDOW_US,
        stray_timeout_us=beat.timeout_us,
    )


def not_carried_out(countdown: Countdown, now_us: int, longest_us: int = LONGEST_RETRY_US) -> Countdown:
    """That is certain. It is tried again, ever more patiently."""
    failures = countdown.failures + 1
    not_before_us = now_us + _pause_us(failures, longest_us)
    return replace(countdown, under_way=False, failures=failures, not_before_us=not_before_us)


def refused(countdown: Countdown, beat: Beat, now_us: int) -> Countdown:
    """The exchange will not have it, of this symbol."""
    countdown = not_carried_out(countdown, now_us, LONGEST_REFUSED_US)
    is_hopeless = not beat.timeout_us and countdown.failures >= REFUSED_OFTEN
    return replace(countdown, may_run=countdown.may_run and not is_hopeless)


def left(way: Way, beats: Collection[Beat], terms: Terms, now_us: int) -> Way:
    """After these were sent."""
    if beats and way.failures:
        return replace(way, last_us=now_us, not_before_us=now_us + _pause_us(way.failures, longest_pause_us(terms)))
    return replace(way, last_us=now_us) if any(beat.timeout_us for beat in beats) else way


def failed(way: Way, terms: Terms, now_us: int) -> Way:
    failures = way.failures + 1
    return replace(way, failures=failures, not_before_us=now_us + _pause_us(failures, longest_pause_us(terms)))


def _pause_us(times: int, at_most_us: int) -> int:
    return min(RETRY_US << min(times - 1, 10), at_most_us)


def longest_pause_us(terms: Terms) -> int:
    """An outage is not to be over for longer than an interval before we notice."""
    return min(terms.interval_us or LONGEST_RETRY_US, LONGEST_RETRY_US)
