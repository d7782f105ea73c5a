"""The command line's front door: which commands there are, and how their failures are told.

Owns: the table of commands, exit codes, the one line that an error becomes. Must not know: what the commands do.
A command's module is imported when the command is called, so that help is quick.

Exit codes: 0 done, 1 failed, 2 wrong configuration or usage, 70 a bug, 130 interrupted.
"""

from __future__ import annotations

import errno
import importlib
import os
import traceback
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any, cast

import click

from exchange.errors import VenueError
from fleet.config.faults import ConfigError, did_you_mean

COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("fleet.cli.up", "Run a fleet."),
    "kill": ("fleet.cli.kill", "Cancel a fleet's orders and keep it from quoting."),
    "flatten": ("fleet.cli.kill", "Kill, and close the positions at once."),
    "resume": ("fleet.cli.kill", "Let a fleet quote again."),
    "validate": ("fleet.cli.config", "Check a fleet file; tell every fault at once."),
    "plan": ("fleet.cli.plan", "Foresee what a fleet file asks of the rate limits."),
    "schema": ("fleet.cli.config", "Print the JSON Schema of fleet files."),
    "init": ("fleet.cli.config", "Write a commented starter fleet file."),
    "report": ("fleet.cli.report", "Show what was made: PnL, fees, funding, inventory, markouts."),
    "volume": ("fleet.cli.report", "Show what was traded, as maker and as taker."),
    "replay": ("fleet.cli.replay", "Show what led up to an incident, step by step."),
    "paper": ("fleet.cli.paper", "Run the paper exchange alone."),
    "price": ("fleet.cli.market", "Show best bid, ask and mark prices."),
    "trades": ("fleet.cli.market", "Show the latest trades of a symbol."),
    "depth": ("fleet.cli.market", "Show a symbol's order book."),
    "balance": ("fleet.cli.account", "Show the account's balances."),
    "account": ("fleet.cli.account", "Show the account: collateral, margin, positions."),
    "positions": ("fleet.cli.account", "Show open positions."),
    "orders": ("fleet.cli.account", "Show open orders."),
    "watch": ("fleet.cli.watch", "Follow prices, depth, trades or own orders as they change."),
    "record": ("fleet.cli.record", "Record markets to files that the paper exchange can replay."),
}
"""Command -> (module, what help says). The command's function has the command's name, with _ for -."""

_TRACEBACK_VARIABLE = "ASTERMM_TRACEBACK"


class Failure(click.ClickException):
    """Ends the program: `message` to stderr, nothing more."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        # click declares it for the class, and reads it from the instance.
        self.exit_code = exit_code  # pyright: ignore[reportAttributeAccessIssue]

    def show(self, file: IO[Any] | None = None) -> None:
        # A terminal that is gone must not change the exit code.
        with suppress(OSError):
            click.echo(self.message, file=file, err=True)


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module_name = COMMANDS[cmd_name][0]
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name != module_name:
                raise
            raise Failure(f"{cmd_name} is not part of this installation") from None
        command = getattr(module, cmd_name.replace("-", "_"), None)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            ctx.fail(f"no command {args[0][:40]!r}: {did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:
            if os.environ.get(_TRACEBACK_VARIABLE):
                raise
            for leaf in _leaves(error):
                if isinstance(leaf, OSError) and leaf.errno == errno.EPIPE:
                    # The reader of our pipe has gone: click ends quietly.
                    raise leaf from None
            raise _told(error) from None


def _told(error: BaseException) -> Failure:
    """Of a group, what would be told of its members, for the worst exit code among them."""
    failures = [_failure(leaf) for leaf in _leaves(error)]
    messages = dict.fromkeys(failure.message for failure in failures)
    return Failure("\n".join(messages), max(failure.exit_code for failure in failures))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        for inner in group.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _failure(error: BaseException) -> Failure:
    if isinstance(error, click.ClickException):
        return Failure(error.format_message(), error.exit_code)
    if isinstance(error, ConfigError):
        return Failure(str(error), 2)
    if isinstance(error, VenueError):
        return Failure(f"error: {error}")
    if isinstance(error, OSError):
        what = error.strerror or type(error).__name__
        return Failure(f"error: {what}: {error.filename}" if error.filename else f"error: {what}")
    if isinstance(error, KeyboardInterrupt):
        return Failure("interrupted", 130)
    from exchange.paper.recordings import RecordingError  # loads slowly, and most commands know no recordings

    if isinstance(error, RecordingError):
        return Failure(f"error: {error}")
    # Its message may hold anything, a key for instance: only its kind and its place are told.
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    return Failure(
        f"error: a bug in astermm-fleet ({type(error).__name__}{place}); set {_TRACEBACK_VARIABLE}=1 to see the whole",
        70,
    )


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="astermm-fleet", prog_name="astermm-fleet")
def main() -> None:
    """Makes markets on many AsterDEX perpetuals from one process, one connection and one rate budget."""
