"""The control endpoint's commands, carried out by the running fleet.

Owns: the way from a wish to the fleet's owner, while there is a fleet. Must not know: HTTP.
"""

from __future__ import annotations

from collections.abc import Callable

from fleet.control.commands import Commands, Wish, Wrong
from fleet.runtime.flatten import SLIPPAGE
from fleet.runtime.fleet import Fleet
from fleet.runtime.owner import NoSuchSymbol, Owner


def commands_of(token: str, fleet: Callable[[], Fleet | None]) -> Commands:
    """`fleet` is None while it is not up yet."""

    def owner() -> Owner:
        running = fleet()
        if running is None or running.sender is None or running.stopping:
            raise Wrong("the fleet is not up, or stopping")
        return Owner(running)

    async def kill(wish: Wish) -> object:
        try:
            return await owner().kill(wish.symbol)
        except NoSuchSymbol as error:
            raise Wrong(str(error)) from None

    async def flatten(wish: Wish) -> object:
        slippage = SLIPPAGE if wish.slippage is None else wish.slippage
        if not 0 < slippage < 1:
            raise Wrong("slippage is a fraction above 0 and below 1")
        try:
            return await owner().flatten(wish.symbol, slippage)
        except NoSuchSymbol as error:
            raise Wrong(str(error)) from None

    async def resume(wish: Wish) -> object:
        try:
            return await owner().resume(wish.symbol)
        except NoSuchSymbol as error:
            raise Wrong(str(error)) from None

    return Commands(token, {"/v1/kill": kill, "/v1/flatten": flatten, "/v1/resume": resume})
