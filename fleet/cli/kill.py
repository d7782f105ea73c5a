"""kill, flatten, resume: an owner's word to a fleet, from another terminal, whatever state the fleet is in.

Owns: the order in which it is tried. First it is written down beside the fleet file, where a fleet that hangs finds it
before it decides anything again. Then the running fleet is asked. When it does not answer, the exchange is, directly.
Must not know: how orders are cancelled or positions closed.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import anyio
import click

from fleet.cli.direct import Errand, directly
from fleet.cli.main import Failure
from fleet.cli.options import FRACTION
from fleet.cli.target import Target, aim
from fleet.cli.up import credentials_for
from fleet.config.faults import ConfigError
from fleet.control.client import Refused, Silent, told_by_fleet
from fleet.runtime.beside import ALL, change_kills, with_kill, without_kill
from fleet.runtime.flatten import SLIPPAGE
from fleet.runtime.memory import MemoryFile
from fleet.runtime.owner import Done
from fleet.words import many

_file = click.option(
    "--file", "-f", type=click.Path(path_type=Path), default=Path("fleet.yaml"), help="The fleet file."
)
_live = click.option("--live", is_flag=True, help="Act on real money, where no running fleet can be asked.")
_symbol = click.argument("symbol", required=False)


@click.command()
@_symbol
@_file
@_live
def kill(symbol: str | None, file: Path, live: bool) -> None:
    """Cancel all own orders, of SYMBOL or of the whole fleet, and keep it from quoting until `resume`.

    Works when the fleet hangs, or is gone: then its orders are cancelled at the exchange.
    """
    target = aim(file, symbol)
    answer = _killed(target, "/v1/kill", {"symbol": symbol})
    if answer is None:
        answer = _directly(target, live, None)
    _tell(answer, f"killed {target.words}: {many(answer.cancelled, 'order')} cancelled, none is left")


@click.command()
@_symbol
@_file
@_live
@click.option("--slippage", type=FRACTION, default=SLIPPAGE, help="How far from the mark price it may close: 1%.")
@click.option("--yes", is_flag=True, help="Do not ask, where it is real money.")
def flatten(symbol: str | None, file: Path, live: bool, slippage: Decimal, yes: bool) -> None:
    """Kill, and close the positions of SYMBOL or of all the fleet's symbols at once.

    By reduce-only orders that take what the book has within --slippage of the mark price.
    """
    target = aim(file, symbol)
    if target.is_real and not yes:
        click.confirm(f"Cancel the orders of {target.words} and close its positions, with real money?", abort=True)
    answer = _killed(target, "/v1/flatten", {"symbol": symbol, "slippage": f"{slippage:f}"})
    if answer is None:
        answer = _directly(target, live, slippage)
    _tell(answer, f"flattened {target.words}: {many(answer.cancelled, 'order')} cancelled, no position is left")


@click.command()
@_symbol
@_file
def resume(symbol: str | None, file: Path) -> None:
    """Let SYMBOL, or the whole fleet, quote again after `kill`, `flatten` or a loss limit."""
    target = aim(file, symbol)
    answer = _ask(target, "/v1/resume", {"symbol": symbol})
    if answer is not None:
        _tell(answer, f"resumed {target.words}")
        return
    if target.has_ended:
        raise Failure(_ENDED)
    symbols = () if symbol is None else target.symbols
    change_kills(target.beside.kill, lambda kills: without_kill(kills, symbol, symbols))
    if symbol is None:
        MemoryFile(target.beside.risk).resume()
    if target.lives is False or (target.lives is None and target.run_file is None):
        click.echo(f"resumed {target.words}; no running fleet answers, it holds for the next start")
        return
    click.echo(
        f"resumed {target.words}: a fleet that hangs quotes again as soon as it goes on, one that is gone when started"
    )
    if symbol is None:
        click.echo(
            "a loss limit that a fleet has hit which hangs is not lifted: say it again when it answers", err=True
        )


_ENDED = "no running fleet of this file answers, and with venue: paper its exchange has ended with it"
_EMBEDDED = (
    "the fleet does not answer, and with venue: paper its exchange is part of it: it is told to cancel its orders, and "
    "does so as soon as it goes on{rest}; with its process all of it ends"
)


def _killed(target: Target, path: str, wish: dict[str, str | None]) -> Done | None:
    """Written down beside the fleet file before anything else, then asked of the fleet; None when none answers."""
    if target.has_ended:
        raise Failure(_ENDED)
    symbol = target.symbol or ALL
    was_there = _mark(target)
    try:
        return _ask(target, path, wish)
    except Failure:
        if not was_there and symbol != ALL:
            # Of no symbol of the fleet's, it says: nobody would ever resume it.
            change_kills(target.beside.kill, lambda kills: {name: why for name, why in kills.items() if name != symbol})
        raise


def _mark(target: Target) -> bool:
    """Returns whether it was there. That it cannot be written keeps nothing from being cancelled."""
    path, before = target.beside.kill, dict[str, str]()

    def change(kills: dict[str, str]) -> dict[str, str]:
        before.update(kills)
        return with_kill(kills, target.symbol, "killed by its owner")

    try:
        change_kills(path, change)
    except OSError as error:
        what = (error.strerror or str(error)).lower()
        click.echo(f"{path} cannot be written ({what}): a fleet that hangs may quote again, end its process", err=True)
    return (target.symbol or ALL) in before


def _ask(target: Target, path: str, wish: dict[str, str | None]) -> Done | None:
    """What the running fleet has done; None when none answers."""
    if target.run_file is None:
        return None
    try:
        return told_by_fleet(target.run_file, path, wish, Done)
    except Refused as error:
        raise Failure(f"error: {error}") from None
    except Silent as error:
        click.echo(f"the running fleet does not answer ({error})", err=True)
        return None


def _directly(target: Target, live: bool, slippage: Decimal | None) -> Done:
    try:
        loaded = target.sound()
    except ConfigError:
        click.echo("it is written down for the fleet; for the way to the exchange the fleet file is needed:", err=True)
        raise
    if target.is_embedded:
        raise Failure(_EMBEDDED.format(rest="" if slippage is None else ", but keeps its positions: say it again then"))
    target.expect_symbol()
    credentials = credentials_for(loaded, live, target.file)
    symbols = target.symbols if target.symbol is None else (target.symbol,)
    is_gone = target.lives is False
    errand = Errand(target.fleet, loaded.config, credentials, target.symbol, symbols, slippage, is_gone)
    return anyio.run(directly, errand)


def _tell(answer: Done, success: str) -> None:
    for note in answer.notes:
        click.echo(note, err=True)
    if answer.problems:
        raise Failure("\n".join(answer.problems))
    click.echo(success)
