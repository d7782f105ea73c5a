"""record: books and trades of many markets into files that the paper exchange can replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import anyio
import click

from exchange.paper.recordings import RecordingError
from exchange.ports import MarketStream
from exchange.protocol import streams
from fleet.cli.main import Failure
from fleet.cli.output import print_json, print_table
from fleet.cli.stopping import for_duration, until_told
from fleet.cli.venue_option import Place, instruments_of, opened, run, with_venue
from fleet.research.recorder import Counts, Recorder
from fleet.wiring.client import market_stream

_SYMBOLS_PER_LINE = 60
"""With three streams each they are few enough for one connection."""
_TELL_S = 60.0


@click.command()
@click.argument("symbols", nargs=-1, required=True, metavar="SYMBOL...")
@click.option(
    "--out",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Directory of the files.",
)
@click.option(
    "--levels", type=click.Choice(["5", "10", "20"]), default="10", show_default=True, help="Levels of each side."
)
@with_venue
@for_duration
@click.option("--json", "json_output", is_flag=True, help="Counts as JSON lines.")
def record(
    symbols: tuple[str, ...],
    directory: Path,
    levels: str,
    place: Place,
    stop_after_s: float | None,
    json_output: bool,
) -> None:
    """Record book and trades of each SYMBOL until Ctrl-C.

    The paper exchange replays them: `astermm-fleet paper --feed DIRECTORY`, or in a fleet file
    `paper: {feed: {replay: DIRECTORY}}`. What is in DIRECTORY is kept, and added to.
    """
    counts: dict[str, Counts] = {}

    async def main() -> None:
        channels = (f"depth{levels}@100ms", streams.AGG_TRADE, streams.MARK_PRICE)
        async with until_told(stop_after_s), opened(place, channels=channels) as venue:
            instruments = instruments_of(venue, symbols)
            try:
                recorder = Recorder(directory, instruments, venue.market_data, venue.clock)
            except RecordingError as error:
                raise Failure(f"error: {error}") from None
            counts.update(recorder.counts)
            names = [each.symbol for each in instruments]
            lines: list[tuple[MarketStream, Sequence[str]]] = [
                (market_stream(place.address, venue, channels), names[start : start + _SYMBOLS_PER_LINE])
                for start in range(0, len(names), _SYMBOLS_PER_LINE)
            ]
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_tell_regularly, recorder, json_output)
                await recorder.run(lines)

    run(main, "info")
    _tell_end(counts, directory, json_output)


async def _tell_regularly(recorder: Recorder, json_output: bool) -> None:
    while True:
        before = asdict(recorder.total)
        await anyio.sleep(_TELL_S)
        after = asdict(recorder.total)
        if json_output:
            print_json({"event": "minute", **{name: after[name] - before[name] for name in after}})
        else:
            click.echo(f"last minute: {_words({name: after[name] - before[name] for name in after})}")


def _words(counts: dict[str, int]) -> str:
    names = {
        "backfilled": "trades asked for afterwards",
        "doubled": "doubled rows left out",
        "missing": "trades missing",
    }
    shown = {name: count for name, count in counts.items() if count or name in ("books", "trades", "gaps")}
    return ", ".join(f"{count} {names.get(name, name)}" for name, count in shown.items())


def _tell_end(counts: dict[str, Counts], directory: Path, json_output: bool) -> None:
    if json_output:
        shown = {symbol: asdict(each) for symbol, each in counts.items()}
        print_json({"event": "summary", "out": str(directory), "symbols": shown})
        return
    titles = ("symbol", "books", "trades", "asked for later", "doubled", "gaps", "missing trades")
    print_table(
        [(title, "left" if title == "symbol" else "right") for title in titles],
        [(symbol, *(str(count) for count in asdict(each).values())) for symbol, each in counts.items()],
    )
    click.echo(f"in {directory}; play it with: astermm-fleet paper --feed {directory}")
