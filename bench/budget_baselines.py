"""First in, first out as others have it: baselines that the fleet file does not offer, made by replacing parts of it.

Owns: what is replaced, for how long. Must not know: figures, markets.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from unittest.mock import patch

from exchange.limits.pace import Pace
from exchange.model import Amend
from fleet.orders.plan import Change
from fleet.runtime.worker import Worker

FIFO = "fifo"
UNPACED = "unpaced"
"""Behind the strict windows alone: the paced lane goes as fast as there is room."""
QUEUED = "queued"
"""Behind the paced limiter, but with the price that was wanted when it was asked for: what a bot sends whose amendment
waits at a rate limiter."""


def file_policy(policy: str) -> str:
    return FIFO if policy in (UNPACED, QUEUED) else policy


def replaced(policy: str) -> AbstractContextManager[Any]:
    if policy == UNPACED:
        return patch.object(Pace, "took", _without_pace)
    if policy == QUEUED:
        return patch.object(Worker, "_send", _as_queued(vars(Worker)["_send"]))
    return nullcontext()


def _without_pace(*_: object) -> None:
    pass


_Send = Callable[[Worker, tuple[Change, ...], int], None]


def _as_queued(real: _Send) -> _Send:
    queued: dict[tuple[str, str], Change] = {}

    def bound(worker: Worker, change: Change) -> Change:
        known = queued.get(change.key)
        if known is not None and change.key in vars(worker)["_asked"] and _is_of_one_order(known, change):
            return known
        queued[change.key] = change
        return change

    def send(worker: Worker, changes: tuple[Change, ...], now_us: int) -> None:
        real(worker, tuple(bound(worker, change) for change in changes), now_us)

    return send


def _is_of_one_order(queued: Change, change: Change) -> bool:
    one, other = queued.action, change.action
    is_as_urgent = queued.request_class == change.request_class
    return is_as_urgent and isinstance(one, Amend) and isinstance(other, Amend) and one.client_id == other.client_id
