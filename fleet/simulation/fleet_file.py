"""The fleet file of a bad day and its edits, all from the seed.

Owns: which symbols are traded and how. Must not know: what goes wrong.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random

from exchange.paper import instruments as listed
from exchange.paper.brackets import default_brackets
from fleet.config.loader import parse
from fleet.config.models import FleetConfig, SymbolConfig
from fleet.config.risk import Risk
from fleet.simulation.trouble import SPARE_SYMBOLS

FLEET = "sim"
_ACTIVE = ("ASTERUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "HYPEUSDT", "XRPUSDT", "DOGEUSDT")
"""Some of these are always there: a market in which nothing happens tries nothing."""

LIMITED = 0.4
"""The share of days whose file has limits on what may be held."""


class FleetFile:
    """`config` is what the file says now. Symbols beyond the first are brought in by edits."""

    def __init__(self, seed: int, symbols: int) -> None:
        rng, limits = Random(f"{seed}:file"), Random(f"{seed}:held")
        self._is_limited = limits.random() < LIMITED
        others = [symbol for symbol in listed.trading_symbols() if symbol not in _ACTIVE]
        active = rng.sample(_ACTIVE, min(6, symbols))
        self.symbols = active + rng.sample(others, symbols + SPARE_SYMBOLS - len(active))
        self._fraction = Decimal(1) / symbols
        self._all = {symbol: self._drawn(_parsed(symbol), rng, limits) for symbol in self.symbols}
        wanted = {symbol: self._all[symbol] for symbol in self.symbols[:symbols]}
        self.config = self._limited(_FILE.model_copy(update={"symbols": wanted}), limits)

    def edit(self, symbol: str, draw: int) -> FleetConfig:
        """What the file says when its symbol was removed, added or changed; the last symbol is never removed."""
        rng, limits = Random(draw), Random(f"{draw}:held")
        symbols = dict(self.config.symbols)
        if symbol not in symbols or len(symbols) == 1 or rng.random() < 0.5:
            symbols[symbol] = self._drawn(self._all[symbol], rng, limits)
        else:
            self._all[symbol] = symbols.pop(symbol)
        self.config = self.config.model_copy(update={"symbols": symbols})
        if limits.random() < 0.3:
            self.config = self._limited(self.config, limits)
        return self.config

    def _limited(self, config: FleetConfig, rng: Random) -> FleetConfig:
        """Limits of the whole fleet, on days that have any."""
        if not self._is_limited:
            return config
        wallet_usd = config.paper.balance["USDT"]
        limits = Risk(
            max_open_usd=wallet_usd * rng.choice((3, 8, 15)) / 10,
            max_position_usd=wallet_usd * rng.choice((2, 5, 10)) / 10,
        )
        return config.model_copy(update={"risk": limits})

    def _limits(self, rng: Random) -> dict[str, Decimal | None]:
        """A symbol's own, by what an order of its is worth without leverage."""
        if not self._is_limited:
            return {}
        usd = self._fraction * _FILE.paper.balance["USDT"]
        return {
            "max_order_usd": rng.choice((None, usd * 4 / 10, usd * 9 / 10)),
            "max_open_usd": rng.choice((None, usd, usd * 2)),
            "max_position_usd": rng.choice((None, usd / 2, usd, usd * 2)),
        }

    def _drawn(self, config: SymbolConfig, rng: Random, limits: Random) -> SymbolConfig:
        spread = Decimal(rng.choice((1, 2, 3, 5, 10))) / 10_000
        parameters = config.parameters.model_copy(
            update={
                "buy_spread": spread,
                "sell_spread": spread,
                "entry": rng.choice(("both", "both", "both", "long", "short")),
                "position_threshold_usd": Decimal(rng.choice((0, 15, 100))),
            }
        )
        return config.model_copy(
            update={
                "parameters": parameters,
                "balance_fraction": self._fraction,
                "leverage": min(rng.choice((1, 1, 2, 5)), default_brackets(config.symbol)[0].max_leverage),
                "refresh_interval_ms": rng.choice((250, 500, 1000)),
                "price_change_threshold": Decimal(rng.choice((1, 2, 5))) / 10_000,
                "on_remove": rng.choice(("keep", "close")),
                "stale_after_ms": rng.choice((1500, 3000)),
                **self._limits(limits),
            }
        )


_FILE = parse(
    f"""
fleet: {FLEET}
venue: paper
paper: {{balance: {{USDT: 10000}}}}
control: null
defaults: {{buy_spread: 3bps, sell_spread: 3bps, balance_fraction: 0.05}}
symbols: {{ASTERUSDT: {{}}}}
""",
    "fleet.yaml",
    {},
).config


def _parsed(symbol: str) -> SymbolConfig:
    return _FILE.symbols["ASTERUSDT"].model_copy(update={"symbol": symbol})
