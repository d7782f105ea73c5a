"""paper: the paper exchange alone, on a port, for any client that speaks AsterDEX's protocol."""

from __future__ import annotations

import errno
import os
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
from exchange.paper.config import DemoCredentials
from exchange.paper.markets import replay_symbols
from exchange.paper.recordings import RecordingError
from fleet.cli.main import Failure
from fleet.cli.output import print_json
from fleet.cli.stopping import for_duration, until_told
from fleet.cli.venue_option import PAPER_PORT, PAPER_SEED, place_of, run
from fleet.config.accounts import load_accounts
from fleet.config.faults import did_you_mean
from fleet.config.models import Feed, Live, Paper, Replay, Source
from fleet.wiring.paper import Admin, Customers, RunningPaper, open_feed, paper_venue, rules_at, run_paper, source_of

_SYMBOLS: tuple[str, ...] = ("ASTERUSDT", "BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "HYPEUSDT")
_HMAC = re.compile(r"([\x21-\x39\x3B-\x7E]{1,128}):([\x21-\x39\x3B-\x7E]{1,128})")
_LIVE = "live:"
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


class _HmacKey(click.ParamType[tuple[str, str]]):
    name = "key:secret"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        match = _HMAC.fullmatch(str(value))
        if match is None:
            # The value is not told: it may be a key of somebody's.
            self.fail("this is no KEY:SECRET without spaces in it", param, ctx)
        return match[1], match[2]


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
    metavar="synthetic|PATH|live:VENUE",
    help="Where markets come from: made up, the recording in a directory, or what happens now at live:mainnet, "
    "live:testnet or live:URL.",
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
    "--accounts",
    "accounts_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Wallets, their agents, keys and balances: nobody else has an account. [default: everybody who signs has one]",
)
@click.option(
    "--hmac",
    "hmac_key",
    type=_HmacKey(),
    metavar="KEY:SECRET",
    help="The demonstration account's V1 key and its secret. [default: by the seed]",
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
    accounts_file: Path | None,
    hmac_key: tuple[str, str] | None,
    admin_port: int | None,
    admin_token: str | None,
    stop_after_s: float | None,
    json_output: bool,
) -> None:
    """Run the paper exchange alone until Ctrl-C; print its addresses and demonstration keys."""
    balance = dict(balances) if balances else {"USDT": Decimal(10_000)}
    config = Paper(feed=_feed(feed, speed), seed=seed, balance=balance)
    customers = _customers(accounts_file, hmac_key)
    if not isinstance(config.feed, Live):
        _chosen(symbols, config.feed)
    _expect_free(host, port)
    admin = _admin(host, admin_port, admin_token)

    async def main() -> None:
        clock = Clock(time.time_ns() // 1000)
        traded = (await rules_at(source_of(config.feed), clock)).trading() if isinstance(config.feed, Live) else ()
        chosen = _chosen(symbols, config.feed, traded)
        async with open_feed(config.feed, chosen, clock) as live:
            try:
                venue = paper_venue(config, chosen, clock, live, customers)
            except RecordingError as error:
                raise Failure(f"error: {error}") from None
            async with until_told(stop_after_s), run_paper(venue, clock, host, port, feed=live, admin=admin) as running:
                if json_output:
                    print_json(_card(running, config, chosen, customers, admin))
                else:
                    click.echo(_welcome(running, config, chosen, customers, admin))
                await anyio.sleep_forever()

    run(main)
    if not json_output:
        click.echo("the paper exchange is closed")


def _feed(feed: str, speed: float | None) -> Replay | Live | Literal["synthetic"]:
    is_live = feed.startswith(_LIVE)
    if feed != "synthetic" and not is_live:
        return Replay(replay=Path(feed), speed=speed or 1.0)
    if speed is not None:
        raise click.BadParameter("--speed is for a recording: other markets know one pace")
    if not is_live:
        return "synthetic"
    place = place_of(feed.removeprefix(_LIVE))
    if place.name in ("mainnet", "testnet"):
        return Live.model_validate({"live": place.name})
    return Live(live=Source(rest=place.host.rest, stream=place.host.stream))


def _customers(accounts_file: Path | None, hmac_key: tuple[str, str] | None) -> Customers:
    """Raises ConfigError."""
    if accounts_file is None:
        return Customers(hmac_key=hmac_key)
    if hmac_key is not None:
        raise click.BadParameter("--hmac is for the demonstration account: write the key under hmac in the file")
    return Customers(load_accounts(accounts_file, os.environ))


def _chosen(given: Iterable[str], feed: Feed, live: Sequence[str] = ()) -> list[str]:
    """The symbols that run from the start. `live` are those that a live feed's exchange trades. Raises Failure."""
    possible: Sequence[str]
    if isinstance(feed, Replay):
        try:
            possible = replay_symbols(feed.replay)
        except RecordingError as error:
            raise Failure(f"error: {error}", 2) from None
        where, default = f"recorded in {feed.replay}", list(possible)
    elif isinstance(feed, Live):
        possible, where = live, f"traded at {source_of(feed).name}"
        default = [symbol for symbol in _SYMBOLS if symbol in live] or list(live[: len(_SYMBOLS)])
    else:
        possible, where, default = listed.trading_symbols(), "listed", list(_SYMBOLS)
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


def _feed_name(feed: Feed) -> str:
    if isinstance(feed, Live):
        return _LIVE + source_of(feed).name
    return str(feed.replay) if isinstance(feed, Replay) else feed


def _env(keys: DemoCredentials) -> dict[str, str]:
    return {
        "API_USER": keys.user,
        "API_SIGNER": keys.signer,
        "API_PRIVATE_KEY": keys.private_key,
        "APIV1_PUBLIC_KEY": keys.api_key,
        "APIV1_PRIVATE_KEY": keys.api_secret,
    }


def _admin(host: str, port: int | None, token: str | None) -> Admin | None:
    """Raises Failure when the port is taken."""
    if port is None:
        return None
    if token is not None and not re.fullmatch(r"[!-~]{8,200}", token):
        raise click.BadParameter("--admin-token is 8 to 200 visible ASCII characters")
    _expect_free(host, port)
    return Admin(port, token or secrets.token_urlsafe(24))


def _card(
    running: RunningPaper, config: Paper, symbols: Sequence[str], customers: Customers, admin: Admin | None
) -> dict[str, object]:
    host, known = running.address.host, customers.known()
    card: dict[str, object] = {
        "rest": host.rest,
        "stream": host.stream,
        "chain_id": host.chain_id,
        "feed": _feed_name(config.feed),
        "seed": config.seed,
        "symbols": list(symbols),
        "env": _env(running.credentials) if known is None else {},
        "accounts": None if known is None else {each.name: each.user for each in known},
    }
    if admin is not None:
        card["admin"] = {"url": running.admin, "token": admin.token}
    return card


def _welcome(
    running: RunningPaper, config: Paper, symbols: Sequence[str], customers: Customers, admin: Admin | None
) -> str:
    host = running.address.host
    opened = "" if admin is None else f"\n\nAdmin API    {running.admin}\nadmin token  {admin.token}"
    feed = {"synthetic": "synthetic markets"}.get(_feed_name(config.feed), f"markets of {_feed_name(config.feed)}")
    pointed = "" if host.rest.endswith(f"://127.0.0.1:{PAPER_PORT}") else f" --venue {host.rest}"
    seeded = "" if config.seed == PAPER_SEED else f" --seed {config.seed}"
    asks = [f"astermm-fleet price {symbols[0]}{pointed}"]
    known = customers.known()
    if known is None:
        lines = "\n".join(f"{name}={value}" for name, value in _env(running.credentials).items())
        keys = f"Demonstration account, which holds paper money only (lines for .env):\n{lines}"
        asks.append(f"astermm-fleet account{pointed}{seeded}")
        beside = "For a fleet file, with those lines in .env beside it:"
    else:
        width = max(len(each.name) for each in known)
        lines = "\n".join(f"{each.name:{width}}  {each.user}" for each in known)
        keys = f"Accounts, which hold paper money only; nobody else has one:\n{lines}"
        beside = "For a fleet file, with the keys of one of them in .env beside it:"
    return f"""\
paper exchange: {feed}, seed {config.seed}, {len(symbols)} running: {" ".join(symbols)}

REST base    {host.rest}
stream base  {host.stream}
chain id     {host.chain_id}{opened}

{keys}

{beside}
venue: {{rest: "{host.rest}", stream: "{host.stream}", chain_id: {host.chain_id}}}

From another terminal:
{chr(10).join(asks)}

Ctrl-C closes it."""
