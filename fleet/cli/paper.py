"""paper: the paper exchange alone, on a port, for any client that speaks AsterDEX's protocol."""

from __future__ import annotations

import errno
import re
import secrets
import time
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal

import anyio
import click

from exchange.asgi import bind
from exchange.clock import Clock
from exchange.paper import instruments as listed
from exchange.paper.markets import replay_symbols
from exchange.paper.recordings import RecordingError
from fleet.cli.main import Failure
from fleet.cli.output import print_json
from fleet.cli.stopping import for_duration, until_told
from fleet.cli.venue_option import PAPER_PORT, PAPER_SEED, run
from fleet.config.faults import did_you_mean
from fleet.config.models import Paper, Replay
from fleet.wiring import Admin, RunningPaper, paper_venue, run_paper

_SYMBOLS: tuple[str, ...] = ("ASTERUSDT", "BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "HYPEUSDT")
_BALANCE = re.compile(r"([A-Z0-9]{2,12})=(.+)")


class _Balance(click.ParamType[tuple[str, Decimal]]):
    name = "asset=amount"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Decimal]:
        match = _BALANCE.fullmatch(str(value))
        try:
            amount = Decimal(match[2]) if match else Decimal("NaN")
        except InvalidOperation:
            amount = Decimal("NaN")
        if match is None or not amount.is_finite() or not 0 <= amount <= 10**12:
            self.fail(f"{value} is no ASSET=AMOUNT, such as USDT=10000", param, ctx)
        return match[1], amount


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    default=PAPER_PORT,
    show_default=True,
    help="0 takes a free one.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="N",
    default=PAPER_SEED,
    show_default=True,
    help="The same seed gives the same markets and keys.",
)
@click.option(
    "--feed",
    default="synthetic",
    show_default=True,
    metavar="synthetic|PATH",
    help="Where markets come from: made up, or the recording in a directory.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0, 1000, min_open=True),
    metavar="N",
    help="How many times as fast a recording is played.",
)
@click.option(
    "--symbols",
    multiple=True,
    metavar="SYMBOL,...",
    help="Markets that run from the start. Synthetic ones of all other symbols start when they are asked for.",
)
@click.option(
    "--balance",
    "balances",
    type=_Balance(),
    multiple=True,
    metavar="ASSET=AMOUNT",
    help="What each account starts with; may be repeated. [default: USDT=10000]",
)
@click.option(
    "--admin-port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Also serve the admin API there, which lets things go wrong on demand. [default: not served]",
)
@click.option(
    "--admin-token",
    metavar="TOKEN",
    envvar="ASTERMM_ADMIN_TOKEN",
    help="What opens the admin API. [default: made up anew]",
)
@for_duration
@click.option("--json", "json_output", is_flag=True, help="Addresses and keys as one JSON line.")
def paper(
    port: int,
    host: str,
    seed: int,
    feed: str,
    speed: float | None,
    symbols: tuple[str, ...],
    balances: tuple[tuple[str, Decimal], ...],
    admin_port: int | None,
    admin_token: str | None,
    stop_after_s: float | None,
    json_output: bool,
) -> None:
    """Run the paper exchange alone until Ctrl-C; print its addresses and demonstration keys."""
    balance = dict(balances) if balances else {"USDT": Decimal(10_000)}
    config = Paper(feed=_feed(feed, speed), seed=seed, balance=balance)
    chosen = _chosen(symbols, config)
    _expect_free(host, port)
    admin = _admin(host, admin_port, admin_token)

    async def main() -> None:
        clock = Clock(time.time_ns() // 1000)
        try:
            venue = paper_venue(config, chosen, clock)
        except RecordingError as error:
            raise Failure(f"error: {error}") from None
        async with until_told(stop_after_s), run_paper(venue, clock, host, port, admin=admin) as running:
            if json_output:
                print_json(_card(running, config, chosen, admin))
            else:
                click.echo(_welcome(running, config, chosen, admin))
            await anyio.sleep_forever()

    run(main)
    if not json_output:
        click.echo("the paper exchange is closed")


def _feed(feed: str, speed: float | None) -> Replay | Literal["synthetic"]:
    if feed != "synthetic":
        return Replay(replay=Path(feed), speed=speed or 1.0)
    if speed is not None:
        raise click.BadParameter("--speed is for a recording: synthetic markets know one pace")
    return "synthetic"


def _chosen(given: Iterable[str], config: Paper) -> list[str]:
    """The symbols that run from the start. Raises Failure."""
    if isinstance(config.feed, Replay):
        try:
            recorded = replay_symbols(config.feed.replay)
        except RecordingError as error:
            raise Failure(f"error: {error}", 2) from None
        possible, where, default = recorded, f"recorded in {config.feed.replay}", recorded
    else:
        possible, where, default = list(listed.trading_symbols()), "listed", list(_SYMBOLS)
    wanted = dict.fromkeys(name.strip().upper() for text in given for name in text.split(",") if name.strip())
    unknown = [f"{name} is not {where}: {did_you_mean(name, possible)}" for name in wanted if name not in possible]
    if unknown:
        raise Failure("\n".join(unknown), 2)
    return list(wanted) or default


def _expect_free(host: str, port: int) -> None:
    """Raises Failure when the address cannot be listened on."""
    try:
        bind(host, port).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Failure(f"port {port} of {host} is taken, perhaps by another paper exchange: try --port 0") from None
        raise Failure(f"error: {host}:{port} cannot be listened on: {(error.strerror or str(error)).lower()}") from None


def _admin(host: str, port: int | None, token: str | None) -> Admin | None:
    """Raises Failure when the port is taken."""
    if port is None:
        return None
    if token is not None and not re.fullmatch(r"[!-~]{8,200}", token):
        raise click.BadParameter("--admin-token is 8 to 200 visible ASCII characters")
    _expect_free(host, port)
    return Admin(port, token or secrets.token_urlsafe(24))


def _card(running: RunningPaper, config: Paper, symbols: Sequence[str], admin: Admin | None) -> dict[str, object]:
    host, keys = running.address.host, running.credentials
    card: dict[str, object] = {
        "rest": host.rest,
        "stream": host.stream,
        "chain_id": host.chain_id,
        "feed": "synthetic" if config.feed == "synthetic" else str(config.feed.replay),
        "seed": config.seed,
        "symbols": list(symbols),
        "env": {
            "API_USER": keys.user,
            "API_SIGNER": keys.signer,
            "API_PRIVATE_KEY": keys.private_key,
            "APIV1_PUBLIC_KEY": keys.api_key,
            "APIV1_PRIVATE_KEY": keys.api_secret,
        },
    }
    if admin is not None:
        card["admin"] = {"url": running.admin, "token": admin.token}
    return card


def _welcome(running: RunningPaper, config: Paper, symbols: Sequence[str], admin: Admin | None) -> str:
    host, keys = running.address.host, running.credentials
    opened = "" if admin is None else f"\n\nAdmin API    {running.admin}\nadmin token  {admin.token}"
    feed = "synthetic markets" if config.feed == "synthetic" else f"markets of {config.feed.replay}"
    pointed = "" if host.rest.endswith(f"://127.0.0.1:{PAPER_PORT}") else f" --venue {host.rest}"
    seeded = "" if config.seed == PAPER_SEED else f" --seed {config.seed}"
    return f"""\
paper exchange: {feed}, seed {config.seed}, {len(symbols)} running: {" ".join(symbols)}

REST base    {host.rest}
stream base  {host.stream}
chain id     {host.chain_id}{opened}

Demonstration account, which holds paper money only (lines for .env):
API_USER={keys.user}
API_SIGNER={keys.signer}
API_PRIVATE_KEY={keys.private_key}
APIV1_PUBLIC_KEY={keys.api_key}
APIV1_PRIVATE_KEY={keys.api_secret}

For a fleet file, with those lines in .env beside it:
venue: {{rest: "{host.rest}", stream: "{host.stream}", chain_id: {host.chain_id}}}

From another terminal:
astermm-fleet price {symbols[0]}{pointed}
astermm-fleet account{pointed}{seeded}

Ctrl-C closes it."""
