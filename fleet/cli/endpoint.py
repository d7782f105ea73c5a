"""A run's control endpoint, and the file that tells other processes of the same owner where it is.

Owns: that both are there while the run is, and which of two runs by one file is the one to be asked. Must not know:
what is asked, what a run does beside.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup, TaskStatus

from exchange.asgi import serve
from fleet.cli.commands import OwnRunFile, commands_of
from fleet.cli.main import Failure
from fleet.control.server import make_app
from fleet.control.state import FleetState
from fleet.runtime.beside import DIRECTORY_VARIABLE
from fleet.runtime.fleet import Fleet
from fleet.runtime.journal import Journal

_AGAIN_S = 1.0
"""How often a run that is not the only one by its file looks whether it is by now."""


class Endpoint:
    """`broke` is told of what breaks once it is up: that must not take the fleet along."""

    def __init__(
        self,
        name: str,
        run_file: OwnRunFile,
        state: Callable[[], FleetState],
        fleet: Callable[[], Fleet | None],
        journal: Journal,
        broke: Callable[[str, Exception], None],
    ) -> None:
        self._name = name
        self._run_file = run_file
        self._app = make_app(state, commands_of(run_file.token, fleet))
        self._journal = journal
        self._broke = broke
        self._is_up = False

    async def serve(self, host: str, port: int, around: TaskGroup) -> None:
        """From now on, as long as `around` lasts. Raises Failure."""
        try:
            port = await around.start(self._serve, host, port)
        except OSError as error:
            what = (error.strerror or "cannot be listened on").lower()
            raise Failure(
                f"error: control endpoint {host}:{port}: {what}; set control: in the file, or --control"
            ) from None
        self._is_up = True
        self._journal.info(f"health, metrics and state at http://{host}:{port}")
        if self._run_file.is_anothers:
            self._journal.warning(
                "another process runs by this file: kill, flatten and resume ask that one, and this one once it is gone"
            )
            around.start_soon(self._tell_where_later, host, port)
        else:
            self._tell_where(host, port)

    async def _serve(self, host: str, port: int, *, task_status: TaskStatus[int]) -> None:
        try:
            await serve(self._app, host, port, task_status=task_status)
        except Exception as error:
            if not self._is_up:
                raise
            self._broke("the control endpoint", error)

    async def _tell_where_later(self, host: str, port: int) -> None:
        try:
            while self._run_file.is_anothers:  # noqa: ASYNC110 another process cannot set an event of the loop's
                await anyio.sleep(_AGAIN_S)
            self._tell_where(host, port)
        except Exception as error:  # noqa: BLE001 isolation, as above
            self._broke("waiting for the run file", error)

    def _tell_where(self, host: str, port: int) -> None:
        try:
            self._run_file.write(self._name, host, port)
        except OSError as error:
            what = f"{error.filename or self._run_file.path} cannot be written: {(error.strerror or '').lower()}"
            self._journal.warning(
                f"kill and flatten cannot ask this fleet: {what}; {DIRECTORY_VARIABLE} names a directory"
            )
