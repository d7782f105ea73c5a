"""The desired fleet, as frozen values: what a fleet file says once it has been read, merged and found whole.

Owns: names, types, bounds and defaults, all but the strategies' own parameters. Must not know: YAML, files, the venue.
Field aliases are the file's keys; fields hold the unit that their names state.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Discriminator, Field, SerializeAsAny, Tag

from fleet.config.frozen import Frozen, Number, Whole
from fleet.config.paper_faults import Faults
from fleet.config.risk import MaxFills, Mmp, Risk, Usd
from strategies.units import Duration, Share, Tolerance, duration_between

MIN_STALE_MS = 1500
"""Mark prices come every second: a shorter patience would take a quiet market for a dead line."""

FLEET_NAME_PATTERN = r"^[a-z0-9_.-]{1,12}$"
SYMBOL_PATTERN = r"^[^\s\x00-\x1F/:]{2,32}$"


Rest = Annotated[
    str,
    Field(pattern=r"^https?://[^\s/]+", description="Base URL of the REST API, such as http://127.0.0.1:9090."),
]
Stream = Annotated[
    str,
    Field(pattern=r"^wss?://[^\s/]+", description="Base URL of the websocket streams, such as ws://127.0.0.1:9090."),
]


class VenueAddress(Frozen):
    """A venue that speaks AsterDEX's protocol at an address of one's own."""

    rest: Rest
    stream: Stream
    chain_id: Whole = Field(ge=1, description="EIP-712 chain id of the signatures: 1666 on mainnet, 714 on testnet.")


class Source(Frozen):
    """The public side of a venue that speaks AsterDEX's protocol."""

    rest: Rest
    stream: Stream


def _name_or_mapping(value: object) -> str | None:
    if isinstance(value, str):
        return "name"
    return "mapping" if isinstance(value, dict | BaseModel) else None


def _kind_of_feed(value: object) -> str | None:
    kind = _name_or_mapping(value)
    is_live = isinstance(value, Live) or (isinstance(value, dict) and "live" in value)
    return "source" if is_live else kind


Venue = Annotated[
    Annotated[Literal["paper", "testnet", "mainnet"], Tag("name")] | Annotated[VenueAddress, Tag("mapping")],
    Discriminator(
        _name_or_mapping,
        custom_error_type="unit",
        custom_error_message="{what}: {right}",
        custom_error_context={
            "what": "is neither a name nor a mapping",
            "right": "paper, testnet, mainnet or {rest: URL, stream: URL, chain_id: N}",
        },
    ),
]


class Replay(Frozen):
    """Recorded books and trades, played back."""

    replay: Path = Field(description="Directory of recorded data, relative to the fleet file.")
    speed: Number = Field(
        default=1.0, gt=0, le=1000, description="1 plays at the speed of the recording, 2 twice as fast."
    )


class Live(Frozen):
    """Another exchange's books and trades as they are now; own orders queue behind them."""

    live: Annotated[
        Annotated[Literal["mainnet", "testnet"], Tag("name")] | Annotated[Source, Tag("mapping")],
        Discriminator(
            _name_or_mapping,
            custom_error_type="unit",
            custom_error_message="{what}: {right}",
            custom_error_context={
                "what": "is neither a name nor a mapping",
                "right": "mainnet, testnet or {rest: URL, stream: URL}",
            },
        ),
    ] = Field(description="Whose markets to follow: mainnet, testnet, or an address.")


Feed = Annotated[
    Annotated[Literal["synthetic"], Tag("name")] | Annotated[Replay, Tag("mapping")] | Annotated[Live, Tag("source")],
    Discriminator(
        _kind_of_feed,
        custom_error_type="unit",
        custom_error_message="{what}: {right}",
        custom_error_context={
            "what": "is neither a name nor a mapping",
            "right": "synthetic, {replay: PATH, speed: 1.0} or {live: mainnet}",
        },
    ),
]


class Paper(Frozen):
    """The paper exchange: used when venue is paper."""

    feed: Feed = Field(
        default="synthetic", description="Where its markets come from: synthetic, a recording, or a live exchange."
    )
    seed: Whole = Field(default=7, ge=0, description="The same seed gives the same synthetic market.")
    balance: dict[str, Annotated[Decimal, Field(ge=0, le=10**12)]] = Field(
        default={"USDT": Decimal(10000)}, description="What the demonstration account starts with, by asset."
    )
    faults: Faults = Field(default=Faults(), description="What goes wrong on it; nothing unless it is named.")


class Weights(Frozen):
    """What makes a quote worth mending: the terms of `fleet.scheduling.value`."""

    too_close: Number = Field(
        default=2, gt=0, le=100, description="How much an order counts that stands nearer to the market than wanted."
    )
    too_far: Number = Field(
        default=1, gt=0, le=100, description="How much an order counts that stands further from the market than wanted."
    )
    size: Number = Field(default=1, ge=0, le=4, description="Power of the order's notional; 0 leaves it out.")
    volatility: Number = Field(
        default=1, ge=0, le=4, description="Power of the time until the market has moved as far again; 0 leaves it out."
    )
    waiting_ms: Annotated[Duration, duration_between(1000, 3_600_000)] = Field(
        default=20_000, alias="waiting", description="After waiting this long a quote counts e times as much."
    )


class Budget(Frozen):
    safety: Share = Field(
        default=Decimal("0.9"), description="The part of each of the venue's rate limits that the fleet uses at most."
    )
    policy: Literal["value", "fair", "fifo"] = Field(
        default="value",
        description="Whose quote is mended next: the one that is most wrong, each symbol in turn, the first to ask.",
    )
    weights: Weights = Field(default=Weights(), description="What policy value goes by.")


class DeadMan(Frozen):
    """Countdowns at the exchange, one a symbol, which cancel its orders unless the fleet says that it lives."""

    timeout_ms: Annotated[Duration, duration_between(10_000, 3_600_000)] | None = Field(
        default=None,
        alias="timeout",
        description="The exchange cancels after this long without word of the fleet; null: 2m, or as long as many "
        "symbols need.",
    )
    share: Share = Field(
        default=Decimal("0.25"), description="The part of the fleet's own request weight that the heartbeats may take."
    )


class Control(Frozen):
    """The local HTTP endpoint: health, metrics, state."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Address it listens on.")
    port: Whole = Field(default=8787, ge=0, le=65535, description="Port it listens on; 0 takes any free one.")


class Logging(Frozen):
    level: Literal["trace", "debug", "info", "warning", "error"] = Field(
        default="info", description="The least level that is written: error is the quiet release mode."
    )
    file: Path | None = Field(default=None, description="Also write to this file; null writes to the terminal only.")


class LedgerFile(Frozen):
    """The database of what was done: orders, trades with fees, funding, equity, incidents."""

    path: Path | None = Field(
        default=None,
        description="Its file, relative to the fleet file; null is .astermm/FLEET-VENUE.sqlite3 beside the fleet file.",
    )


class SymbolConfig(Frozen):
    """One worker: a symbol, how it is traded and by which strategy."""

    symbol: str = Field(pattern=SYMBOL_PATTERN)
    strategy: str = Field(default="ping_pong", description="Which strategy quotes this symbol.")
    parameters: SerializeAsAny[BaseModel]
    """An instance of STRATEGIES[strategy].parameters; in the file its fields stand flat beside the others."""
    balance_fraction: Share = Field(
        description="The part of the account's collateral that one order of this symbol commits, before leverage."
    )
    leverage: Whole = Field(
        default=1, ge=1, le=125, description="Leverage that is set at the start; sizes orders as well."
    )
    refresh_interval_ms: Annotated[Duration, duration_between(50, 3_600_000)] = Field(
        default=1000, alias="refresh_interval", description="A quote is moved at most once in this time: 500ms, 1s, 2m."
    )
    price_change_threshold: Tolerance = Field(
        default=Decimal("0.001"), description="A quote within this fraction of its wanted price stays where it is."
    )
    priority: Number = Field(
        default=1,
        ge=0.1,
        le=10,
        description="How much its requests count beside the other symbols' when not all can go.",
    )
    on_remove: Literal["keep", "close"] = Field(
        default="keep", description="When the symbol leaves the file: keep its position, or close it."
    )
    stale_after_ms: Annotated[Duration, duration_between(MIN_STALE_MS, 3_600_000)] = Field(
        default=3000,
        alias="stale_after",
        description="Quotes are pulled after this long without market data; 1500ms at least.",
    )
    max_mark_deviation: Share = Field(
        default=Decimal("0.01"), description="Quotes are pulled while mid is further than this from the mark price."
    )
    max_order_usd: Usd | None = Field(default=None, description="Orders that open a position are worth this at most.")
    max_open_usd: Usd | None = Field(default=None, description="All opening orders of the symbol together.")
    max_position_usd: Usd | None = Field(
        default=None, description="The position as it would be if every opening order of a side filled."
    )
    max_fills: MaxFills | None = Field(
        default=None, description="Pauses what opens a position after too many fills in too short a time."
    )
    mmp: Mmp | None = Field(default=None, description="The exchange's market maker protection, set at the start.")


class FleetConfig(Frozen):
    fleet: str = Field(
        pattern=FLEET_NAME_PATTERN,
        description="The fleet's name, part of every client order id: 1 to 12 of a-z, 0-9, _ . and -.",
    )
    venue: Venue = Field(description="paper, testnet, mainnet, or the address of a venue of one's own.")
    paper: Paper = Field(default=Paper(), description="The paper exchange: used when venue is paper.")
    budget: Budget = Field(default=Budget(), description="How much of the venue's rate limits may be used.")
    dead_man: DeadMan | None = Field(
        default=DeadMan(), description="Lets the exchange cancel all orders when the fleet dies; null switches it off."
    )
    risk: Risk = Field(default=Risk(), description="What the whole fleet may hold and lose.")
    control: Control | None = Field(
        default=Control(), description="The local HTTP endpoint for health, metrics and state; null switches it off."
    )
    ledger: LedgerFile | None = Field(
        default=LedgerFile(), description="Where all that was done is kept; null keeps nothing."
    )
    logging: Logging = Field(default=Logging(), description="What is logged, and where.")
    symbols: dict[str, SymbolConfig] = Field(
        min_length=1, description="The symbols traded, each with what differs from defaults."
    )

    @property
    def venue_name(self) -> str:
        return self.venue if isinstance(self.venue, str) else self.venue.rest
