"""An edited fleet file on its way into the running fleet: read, held against the venue, applied or refused as a whole.

Owns: what an edit must pass, in which order, and that a refused one leaves everything as it was. Must not know: who
noticed the edit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import anyio

from exchange.errors import VenueError
from fleet.config.effective import effective_text
from fleet.config.faults import ConfigError, Fault
from fleet.config.loader import LOG_FILE_RIGHT, Loaded, load
from fleet.config.models import FleetConfig, Logging
from fleet.config.venue_check import Checked, VenueFacts, check
from fleet.ledger.entries import ConfigTaken
from fleet.runtime.errors import FleetError
from fleet.runtime.fleet import Fleet
from fleet.runtime.journal import Journal
from fleet.views import logs
from fleet.wiring.facts import facts_of, paper_facts

_ASK_S = 5.0
"""How long an edit waits for the prices of symbols that are new."""


def refuse_faults(checked: Checked) -> None:
    """Raises ConfigError."""
    if checked.errors:
        raise ConfigError(checked.errors)


def tell_warnings(checked: Checked, journal: Journal) -> None:
    for warning in checked.all_warnings:
        journal.warning(str(warning))


def record_config(fleet: Fleet, loaded: Loaded) -> None:
    """Into the ledger: what is in force from now on."""
    text = effective_text(loaded.config)
    fleet.books.ledger.write(ConfigTaken(fleet.venue.clock.now_ms(), fleet.config_version, loaded.text_digest, text))


def log_file_fault(loaded: Loaded, error: OSError) -> Fault:
    what = f"log file {loaded.config.logging.file} cannot be opened: {(error.strerror or str(error)).lower()}"
    return loaded.fault(("logging", "file"), what, LOG_FILE_RIGHT)


class Edits:
    def __init__(self, file: Path, fleet: Fleet, set_logging: Callable[[Logging], None]) -> None:
        self._file = file
        self._fleet = fleet
        self._set_logging = set_logging
        self._wanted = anyio.Event()

    def want(self) -> None:
        """The file is to be read again, as soon as what is under way is done."""
        self._wanted.set()

    async def run(self) -> None:
        """Until cancelled, one edit after the other."""
        while True:
            await self._wanted.wait()
            self._wanted = anyio.Event()
            # The account is still being read: there are no workers yet that could take anything up.
            while self._fleet.sender is None:  # noqa: ASYNC110 seldom and short: no event is worth keeping for it
                await anyio.sleep(0.1)
            if not self._fleet.stopping:
                await self._take_up()

    async def _take_up(self) -> None:
        fleet, journal = self._fleet, self._fleet.journal
        try:
            loaded = load(self._file, os.environ)
            facts = await self._facts(loaded.config)
            checked = check(loaded, facts.info, facts.mids, facts.marks, facts.collateral_usd)
            refuse_faults(checked)
            _expect_log_file(loaded)
            version = fleet.config_version
            changed = fleet.apply(loaded.config)
        except (ConfigError, FleetError) as error:
            fleet.refuse(str(error))
            return
        except Exception as error:  # noqa: BLE001 an edit must not be able to end what runs
            fleet.refuse(f"a bug in astermm-fleet ({type(error).__name__})")
            journal.traceback(error)
            return
        tell_warnings(checked, journal)
        if fleet.config_version != version:
            record_config(fleet, loaded)
        if "logging" in changed:
            try:
                self._set_logging(loaded.config.logging)
            except OSError as error:
                journal.error(f"logging stays as it was: {log_file_fault(loaded, error)}")

    async def _facts(self, config: FleetConfig) -> VenueFacts:
        """As `validate` has them, but of now: the desks' prices, and of symbols that are new the venue's."""
        fleet = self._fleet
        wallet = fleet.account.wallet if fleet.account.known else None
        mids = {symbol: slot.desk.mid for symbol, slot in fleet.slots.items() if slot.desk and slot.desk.mid}
        marks = {symbol: slot.last_mark for symbol, slot in fleet.slots.items() if slot.last_mark}
        # A synthetic market that is not running yet begins at a known price.
        asked = paper_facts(config) if fleet.config.venue == "paper" else VenueFacts(fleet.venue.info, {}, {})
        begun = asked.mids
        if not config.symbols.keys() <= mids.keys():
            with anyio.move_on_after(_ASK_S):
                try:
                    asked = await facts_of(fleet.venue, None)
                except VenueError as error:
                    fleet.journal.debug(f"prices of new symbols are not known: {error}")
        return VenueFacts(fleet.venue.info, {**begun, **asked.mids, **mids}, {**begun, **asked.marks, **marks}, wallet)


def _expect_log_file(loaded: Loaded) -> None:
    """Before anything is applied. Raises ConfigError."""
    file = loaded.config.logging.file
    if file is not None:
        try:
            logs.expect_writable(file)
        except OSError as error:
            raise ConfigError([log_file_fault(loaded, error)]) from None
