"""The seeded plan of what goes wrong, pure: a request, an event or the time in, its fate out.

Owns: chance. Must not know: tasks, sockets, how a fault is carried out. Each kind of fault draws from a stream of its
own, so that switching one on changes no other, and the same seed gives the same faults in the same order.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from random import Random

from msgspec.structs import replace

from exchange.paper.fault_settings import (
    LONGEST_MS,
    CutLines,
    Events,
    ExpireListenKeys,
    FaultSettings,
    HalfOpen,
    Happening,
    Latency,
    Requests,
    Restart,
    Stall,
)

_RESET = CutLines()
_CLOSED = CutLines(code=1001, reason="the server is going away")


class EventFate(Enum):
    DROPPED = "dropped"
    DUPLICATED = "duplicated"
    DELAYED = "delayed"
    REORDERED = "reordered"


class Answer(Enum):
    NONE = "none"
    UNAVAILABLE = "503"
    THROTTLED = "429"
    BANNED = "418"


@dataclass(frozen=True, slots=True)
class RequestFate:
    answer: Answer
    executed: bool = False
    retry_after_s: int = 0
    after_s: float = 0.0
    """Without an answer: how long the connection stays open."""


class FaultPlan:
    def __init__(self, settings: FaultSettings | None = None, seed: int = 0) -> None:
        self.settings = settings or FaultSettings()
        self._seed = seed
        self._streams: dict[str, Random] = {}
        self._next_requests: deque[Requests] = deque()
        self._next_events: deque[EventFate] = deque()
        self._not_found_until_us: dict[int, int] = {}
        """Orders that the server asked has not heard of yet."""
        self._unlisted_until_us: dict[int, int] = {}
        """Orders that were looked for in a list when they were young, and until when it lacks each."""
        self._due_us: dict[str, int] = {}
        self._expiries: list[tuple[int, str]] = []
        self._is_timed = False

    @property
    def waiting(self) -> tuple[int, int]:
        """How many requests and events still have an ordered fate before them."""
        return sum(each.count for each in self._next_requests), len(self._next_events)

    def change(self, settings: FaultSettings) -> None:
        """Other settings from now on. What was ordered for the next requests and events stays ordered."""
        self.settings = settings
        self._is_timed = False
        self._due_us.clear()

    def order(self, once: Requests | Events) -> None:
        if isinstance(once, Requests):
            self._next_requests.append(once)
        else:
            self._next_events.extend([EventFate(once.fate)] * once.count)

    # Ways

    def to_venue_s(self) -> float:
        return self._latency_s("to venue", self.settings.to_venue)

    def from_venue_s(self) -> float:
        return self._latency_s("from venue", self.settings.from_venue)

    def stream_s(self) -> float:
        return self._latency_s("stream", self.settings.stream)

    # Requests

    def request_fate(self, path: str) -> RequestFate | None:
        """Of a request that arrives; None when nothing happens to it."""
        for place, ordered in enumerate(self._next_requests):
            if path.startswith(ordered.path):
                return self._ordered(place)
        settings = self.settings
        if self._happens("429", settings.answer_429):
            return RequestFate(Answer.THROTTLED, retry_after_s=settings.retry_after_s)
        if self._happens("418", settings.answer_418):
            return RequestFate(Answer.BANNED, retry_after_s=settings.ban_s)
        if self._happens("503 executed", settings.answer_503_executed):
            return RequestFate(Answer.UNAVAILABLE, executed=True)
        if self._happens("503 not executed", settings.answer_503_not_executed):
            return RequestFate(Answer.UNAVAILABLE)
        if self._happens("no answer executed", settings.no_answer_executed):
            return RequestFate(Answer.NONE, executed=True, after_s=settings.no_answer_after_s)
        if self._happens("no answer not executed", settings.no_answer_not_executed):
            return RequestFate(Answer.NONE, after_s=settings.no_answer_after_s)
        return None

    def _ordered(self, place: int) -> RequestFate:
        ordered = self._next_requests[place]
        if ordered.count > 1:
            self._next_requests[place] = replace(ordered, count=ordered.count - 1)
        else:
            del self._next_requests[place]
        answer = Answer(ordered.answer)
        default_s = self.settings.ban_s if answer is Answer.BANNED else self.settings.retry_after_s
        executed = ordered.executed and answer in (Answer.NONE, Answer.UNAVAILABLE)
        return RequestFate(answer, executed, ordered.retry_after_s or default_s, ordered.after_s)

    def is_not_found(self, order_id: int, now_us: int) -> bool:
        """Of a query of an order that is there: whether the server asked has not heard of it yet."""
        until_us = self._not_found_until_us.pop(order_id, None)
        if until_us is None and self._happens("not found", self.settings.order_not_found):
            until_us = now_us + round(self._latency_s("not found for", self.settings.order_not_found_for) * 1e6)
            # Of some nobody asked again.
            oldest_us = now_us - round(LONGEST_MS * 1000)
            kept = self._not_found_until_us.items()
            self._not_found_until_us = {each: us for each, us in kept if us >= oldest_us}
        elif until_us is None or until_us <= now_us:
            return False
        self._not_found_until_us[order_id] = until_us
        return True

    def is_unlisted(self, order_id: int, placed_us: int, now_us: int) -> bool:
        """Of a list of open orders: whether the server asked has not heard yet of one that is young."""
        oldest_us = now_us - round(LONGEST_MS * 1000)
        if placed_us <= oldest_us:
            return False
        until_us = self._unlisted_until_us.get(order_id)
        if until_us is None:
            lags = self._happens("not listed", self.settings.order_not_found)
            lag_s = self._latency_s("not listed for", self.settings.order_not_found_for) if lags else 0.0
            until_us = placed_us + round(lag_s * 1e6)
            kept = self._unlisted_until_us.items()
            self._unlisted_until_us = {each: us for each, us in kept if us > oldest_us}
            self._unlisted_until_us[order_id] = until_us
        return now_us < until_us

    # User events

    def event_fate(self) -> EventFate | None:
        """Of the next event for an account's line; None when it goes its way."""
        if self._next_events:
            return self._next_events.popleft()
        settings = self.settings
        for fate, chance in (
            (EventFate.DROPPED, settings.event_dropped),
            (EventFate.DUPLICATED, settings.event_duplicated),
            (EventFate.DELAYED, settings.event_delayed),
            (EventFate.REORDERED, settings.event_reordered),
        ):
            if self._happens(fate.value, chance):
                return fate
        return None

    def event_delay_s(self) -> float:
        return self._latency_s("event delay", self.settings.event_delay)

    # What happens by itself

    def listened(self, address: str, now_us: int) -> None:
        """A line has begun to listen to an account: its key may end soon."""
        if self._happens("young key", self.settings.listen_key_expires_young):
            self._expiries.append((now_us + round(self.settings.listen_key_expires_after_s * 1e6), address))

    def next_us(self, now_us: int) -> int | None:
        """When something next happens by itself."""
        self._set_times(now_us)
        dues = [*self._due_us.values(), *(due_us for due_us, _ in self._expiries)]
        return min(dues, default=None)

    def due(self, now_us: int) -> list[Happening]:
        """What happens by now, in order of time."""
        self._set_times(now_us)
        if not (self._due_us or self._expiries):
            return []
        settings = self.settings
        kinds: dict[str, Happening] = {
            "reset": _RESET,
            "close": _CLOSED,
            "stall": Stall(for_s=settings.stall_for_s),
            "half open": HalfOpen(for_s=settings.half_open_for_s),
            "restart": Restart(for_s=settings.restart_for_s),
            "keys": ExpireListenKeys(),
        }
        found: list[tuple[int, Happening]] = []
        for name, due_us in self._due_us.items():
            if due_us <= now_us:
                found.append((due_us, kinds[name]))
                self._due_us[name] = now_us + self._pause_us(name)
        expiries = [each for each in self._expiries if each[0] <= now_us]
        if expiries:
            self._expiries = [each for each in self._expiries if each[0] > now_us]
            found += [(due_us, ExpireListenKeys(address=address)) for due_us, address in expiries]
        return [happening for _, happening in sorted(found, key=lambda each: each[0])]

    def _set_times(self, now_us: int) -> None:
        if not self._is_timed:
            self._is_timed = True
            self._due_us = {name: now_us + self._pause_us(name) for name, every_s in self._every_s() if every_s}

    def _every_s(self) -> list[tuple[str, float | None]]:
        settings = self.settings
        return [
            ("reset", settings.reset_every_s),
            ("close", settings.close_every_s),
            ("stall", settings.stall_every_s),
            ("half open", settings.half_open_every_s),
            ("restart", settings.restart_every_s),
            ("keys", settings.listen_keys_expire_every_s),
        ]

    def _pause_us(self, name: str) -> int:
        every_s = dict(self._every_s())[name]
        assert every_s is not None
        return max(1, round(self._stream(name).expovariate(1 / every_s) * 1e6))

    # Chance

    def _happens(self, name: str, chance: float) -> bool:
        return chance > 0 and self._stream(name).random() < chance

    def _latency_s(self, name: str, latency: Latency) -> float:
        return 0.0 if latency.is_none else latency.draw_ms(self._stream(name)) / 1000

    def _stream(self, name: str) -> Random:
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = Random(f"{self._seed}:faults:{name}")
        return stream
