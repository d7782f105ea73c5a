"""Carries requests out. They outlive the worker that wanted them: what is on its way cannot be called back.

Owns: requests under way. Must not know: why they are sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import anyio
from anyio.abc import TaskGroup

from exchange.errors import OutcomeUnknown, VenueError
from exchange.model import Amend, Cancel, Order, Place
from exchange.ports import Ticket, Trading
from fleet.orders.plan import Action
from fleet.runtime.mailbox import Answer, Crash, Mailbox


class Sender:
    def __init__(self, trading: Trading, tasks: TaskGroup) -> None:
        self._trading = trading
        self._tasks = tasks
        self._under_way: Counter[str] = Counter()
        self._landed = anyio.Event()
        self.first_placed_s: float | None = None
        """When the venue first confirmed an order of ours, on the loop's clock."""

    def send(self, actions: Sequence[Action], ticket: Ticket, mailbox: Mailbox) -> None:
        """One request, of one action or of several cancels of one symbol. It starts at once; an answer to each action
        comes by the mailbox."""
        self._under_way[actions[0].symbol] += 1
        self._tasks.start_soon(self._carry, actions, ticket, mailbox)

    async def quiet(self, symbol: str | None = None) -> None:
        """Returns when nothing of the symbol (None: of any) is on its way."""
        while self._under_way[symbol] if symbol else self._under_way.total():
            await self._landed.wait()

    async def _carry(self, actions: Sequence[Action], ticket: Ticket, mailbox: Mailbox) -> None:
        results: Sequence[Order | VenueError]
        try:
            results = await self._request(actions, ticket)
        except VenueError as error:
            results = [error] * len(actions)
        except Exception as error:  # noqa: BLE001 a fault of ours must crash this worker, not the others' requests
            mailbox.put(Crash(error))
            results = [OutcomeUnknown(f"internal error: {type(error).__name__}")] * len(actions)
        finally:
            self._under_way[actions[0].symbol] -= 1
            self._landed.set()
            self._landed = anyio.Event()
        for action, result in zip(actions, results, strict=True):
            mailbox.put(Answer(action, result))

    async def _request(self, actions: Sequence[Action], ticket: Ticket) -> Sequence[Order | VenueError]:
        action = actions[0]
        if len(actions) > 1:
            return await self._trading.cancel_many(action.symbol, [each.client_id for each in actions], ticket)
        return [await self._single(action, ticket)]

    async def _single(self, action: Action, ticket: Ticket) -> Order:
        match action:
            case Place():
                order = await self._trading.place(action, ticket)
                if self.first_placed_s is None:
                    self.first_placed_s = anyio.current_time()
                return order
            case Amend():
                return await self._trading.amend(action, ticket)
            case Cancel():
                return await self._trading.cancel(action, ticket)
            case _:
                return await self._trading.order(action.symbol, action.client_id, ticket)
