"""How the markets of a fleet file move: from recordings, an exchange's candles, or what is known of such markets.

Owns: which of them is read how, and what each is called. Must not know: fleets, limits, what the figures are for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path as FilePath

from exchange.aster.market_data import AsterMarketData
from exchange.aster.values import Kline
from exchange.clock import Clock
from exchange.errors import Rejected, VenueError
from exchange.model import Depth, Instrument
from exchange.paper.calibration import parameters_for
from exchange.paper.markets import replay_symbols
from exchange.paper.recorded_csv import csv_symbols, read_csv
from exchange.paper.recordings import Gap, Recorded, read_recording
from fleet.planning.forecast import Moves
from fleet.research.volatility import Path, calibrated, constant, volatility_of
from fleet.wiring.client import Address, open_venue

SYNTHETIC, TYPICAL, RECORDED, CANDLES, GIVEN = "synthetic", "typical", "recorded", "candles", "given"
"""Where a figure comes from, in the words of `plan`."""

_CANDLES = 99
"""Of a minute. docs: Kline/Candlestick Data, weight 1 below 100."""
_MINUTE_S = 60.0
_UNKNOWN_BPS = 1.25
"""Of a symbol that nobody knows: the calibration's default."""


def given_moves(symbols: Iterable[str], volatility_bps: float) -> dict[str, Moves]:
    return {symbol: Moves(constant(volatility_bps), GIVEN) for symbol in symbols}


def known_moves(instrument: Instrument | None, source: str) -> Moves:
    """By the parameters of the synthetic market, which are fitted to the real one where that was recorded."""
    if instrument is None:
        return Moves(constant(_UNKNOWN_BPS), source)
    parameters = parameters_for(instrument)
    tick_bps = float(instrument.tick_size) / parameters.price * 1e4
    return Moves(calibrated(parameters, tick_bps), source, tick_bps)


def recorded_moves(directory: FilePath, instruments: Iterable[Instrument], speed: float = 1.0) -> dict[str, Moves]:
    """Of those symbols that the directory holds; `speed`: how much faster it is played. Raises RecordingError."""
    held = replay_symbols(directory)
    moves: dict[str, Moves] = {}
    for instrument in instruments:
        if instrument.symbol in held:
            read = read_csv if instrument.symbol in csv_symbols(directory) else read_recording
            paths = _paths(read(directory, instrument), speed)
            volatility = volatility_of(paths)
            if volatility is not None:
                last_ticks = paths[-1][-1][1]
                moves[instrument.symbol] = Moves(volatility, RECORDED, 1e4 / last_ticks)
    return moves


async def candle_moves(
    address: Address, clock: Clock, symbols: Sequence[str]
) -> tuple[dict[str, Moves], dict[str, str]]:
    """By an exchange's newest candles, asked without keys; and why there are none of the others. Raises VenueError."""
    moves: dict[str, Moves] = {}
    missing: dict[str, str] = {}
    failure: VenueError | None = None
    async with open_venue(address, None, clock) as venue:
        data = venue.market_data
        assert isinstance(data, AsterMarketData)
        try:
            for symbol in symbols:
                try:
                    path = _path_of(await data.klines(symbol, "1m", limit=_CANDLES))
                except Rejected as error:
                    missing[symbol] = str(error)
                    continue
                volatility, instrument = volatility_of([path]), venue.info.instruments.get(symbol)
                if volatility is None or instrument is None:
                    missing[symbol] = "it has none yet"
                else:
                    moves[symbol] = Moves(volatility, CANDLES, float(instrument.tick_size) / path[-1][1] * 1e4)
        except VenueError as error:
            # Raised outside: through the venue's task group it would come in a group.
            failure = error
    if failure is not None:
        raise failure
    return moves, missing


def _paths(rows: Iterable[Recorded], speed: float) -> list[Path]:
    """Mids in ticks; a gap begins a new stretch."""
    paths: list[list[tuple[float, float]]] = [[]]
    for row in rows:
        match row:
            case Depth() if row.bids and row.asks:
                paths[-1].append((row.exchange_ms / 1000 / speed, (row.bids[0][0] + row.asks[0][0]) / 2))
            case Gap() if paths[-1]:
                paths.append([])
            case _:
                pass
    return [path for path in paths if path]


def _path_of(candles: Sequence[Kline]) -> Path:
    """Four points of each but the last, which may be growing: to the nearer end of its range first."""
    path: list[tuple[float, float]] = []
    for candle in candles[:-1]:
        is_up = candle.close >= candle.open
        turns = (candle.low, candle.high) if is_up else (candle.high, candle.low)
        for quarter, price in enumerate((candle.open, *turns, candle.close)):
            path.append((candle.opened_ms / 1000 + quarter * _MINUTE_S / 4, float(price)))
    return path
