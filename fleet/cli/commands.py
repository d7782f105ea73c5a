"""The control endpoint's commands, carried out by the running fleet.

Owns: the way from a wish to the fleet's owner, while there is a fleet, and where others find that way. Must not know:
HTTP.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress

import msgspec

from fleet.control.commands import Away, Commands, Wish, Wrong
from fleet.runtime.alone import Alone, is_held
from fleet.runtime.beside import Beside, RunFile, read, write
from fleet.runtime.flatten import SLIPPAGE
from fleet.runtime.fleet import Fleet
from fleet.runtime.owner import NoSuchSymbol, Owner


def commands_of(token: str, fleet: Callable[[], Fleet | None]) -> Commands:
    """`fleet` is None while it is not up yet."""

    def owner() -> Owner:
        running = fleet()
        if running is None or running.sender is None or running.stopping:
            raise Away("it is starting, or stopping")
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


class OwnRunFile:
    """Tells other processes of the same owner that this one lives, where the endpoint is, and the token that it takes
    commands with."""

    def __init__(self, own: Beside) -> None:
        self.token = secrets.token_urlsafe(32)
        self.path = own.run
        self._life_path = own.life
        self._life = Alone(own.life)
        self._is_over = False

    @property
    def is_alone(self) -> bool:
        """Whether no other process runs by this file, surely."""
        return self._life.is_held

    @property
    def is_anothers(self) -> bool:
        """Whether another process runs by this file: as long as it lives it is the one to be asked."""
        if not self._life.is_held:
            self._life = Alone(self._life_path)
        return not self._life.is_held and is_held(self._life_path) is True

    def write(self, fleet: str, host: str, port: int) -> None:
        """Raises OSError."""
        if self._is_over:
            return
        # Commands are taken from this machine alone.
        near = "127.0.0.1" if host in ("0.0.0.0", "::", "localhost") else host  # noqa: S104 asked of, not listened on
        shown = f"[{near}]" if ":" in near else near
        write(self.path, msgspec.json.encode(RunFile(fleet, f"http://{shown}:{port}", os.getpid(), self.token)))

    def remove(self) -> None:
        """For good, unless it is another's."""
        self._is_over = True
        found = read(self.path, RunFile)
        if found is not None and found.token == self.token:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
        # Not sooner: whoever holds it then writes its own there.
        self._life.release()
