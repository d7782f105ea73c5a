"""The markets of a paper exchange, made by name: synthetic or replayed, one for each instrument.

Owns: which class stands for which symbol, and which reader for which recording. Must not know: accounts,
configuration files.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from exchange.model import Instrument
from exchange.paper.calibration import parameters_for
from exchange.paper.market import Market
from exchange.paper.recorded_csv import csv_symbols, read_csv
from exchange.paper.recorded_market import ReplayMarket
from exchange.paper.recordings import RecordingError, read_recording, recorded_symbols
from exchange.paper.synthetic import SyntheticMarket


def synthetic_markets(instruments: Iterable[Instrument], seed: int, start_us: int) -> dict[str, Market]:
    """A market for each instrument, each with its own stream of chance: adding one changes no other."""
    return {i.symbol: SyntheticMarket(i, parameters_for(i), seed, start_us) for i in instruments}


def replay_markets(
    path: Path, instruments: Iterable[Instrument], start_us: int, speed: float = 1.0
) -> dict[str, Market]:
    """A market for each instrument from the recording in the directory `path`, each beginning with its first book.

    Raises RecordingError, whose message is for people, when the path or a symbol is missing or cannot be read.
    """
    recorded = replay_symbols(path)
    markets: dict[str, Market] = {}
    for instrument in instruments:
        if instrument.symbol not in recorded:
            raise RecordingError(f"{path} holds no recording of {instrument.symbol}, only of {', '.join(recorded)}")
        read = read_csv if instrument.symbol in csv_symbols(path) else read_recording
        markets[instrument.symbol] = ReplayMarket(instrument, read(path, instrument), start_us, speed)
    return markets


def replay_symbols(path: Path) -> list[str]:
    """The symbols that a directory holds a recording of. Raises RecordingError when it holds none."""
    if not path.is_dir():
        raise RecordingError(f"{path}: no such directory to replay from")
    recorded = sorted({*csv_symbols(path), *recorded_symbols(path)})
    if not recorded:
        raise RecordingError(f"{path}: holds no recording (orderbook_*.csv with trades_*.csv, or *.jsonl.zst)")
    return recorded
