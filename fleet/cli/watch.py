"""watch: prices, depth, trades or the account's own orders as they change, until Ctrl-C.

On a terminal prices and depth are one picture that is drawn anew; elsewhere, and with --json, each change is a line.
What becomes of the line is told on stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from decimal import Decimal

import click
from loguru import logger
from rich.console import Console, Group
from rich.live import Live

from exchange.model import (
    AccountEvent,
    AccountUpdate,
    BookTicker,
    Depth,
    Instrument,
    MarketEvent,
    MarkPrice,
    OrderUpdate,
    PublicTrade,
    StreamDown,
    StreamUp,
)
from exchange.protocol import streams
from fleet.cli import shapes
from fleet.cli.market import PRICE_TITLES, ladder, price_line
from fleet.cli.output import print_json, table, utc
from fleet.cli.stopping import for_duration, until_told
from fleet.cli.venue_option import Place, credentials_for, instruments_of, opened, run, with_account, with_venue
from fleet.orders.ids import fleet_of
from fleet.views.text import fixed, plain

as_json_lines = click.option("--json", "json_output", is_flag=True, help="JSON lines, one for each event.")


@click.group()
def watch() -> None:
    """Follow prices, depth, trades or own orders as they change."""


@watch.command()
@click.argument("symbols", nargs=-1, required=True, metavar="SYMBOL...")
@with_venue
@for_duration
@as_json_lines
def prices(symbols: tuple[str, ...], place: Place, stop_after_s: float | None, json_output: bool) -> None:
    """Follow best bid, best ask and mark price of each SYMBOL."""
    channels = (streams.BOOK_TICKER, streams.MARK_PRICE)
    _follow_markets(place, symbols, channels, stop_after_s, lambda known: _Prices(known, json_output))


@watch.command()
@click.argument("symbol")
@click.option(
    "--levels", type=click.IntRange(1, 1000), metavar="N", default=10, show_default=True, help="Levels of each side."
)
@with_venue
@for_duration
@as_json_lines
def depth(symbol: str, levels: int, place: Place, stop_after_s: float | None, json_output: bool) -> None:
    """Follow the best levels of SYMBOL's order book: past 20, a book kept here from its differences."""
    pushed = next((each for each in streams.PARTIAL_LEVELS if each >= levels), None)
    channel = streams.DIFF_DEPTH if pushed is None else f"depth{pushed}@100ms"
    channels = (channel, streams.MARK_PRICE)
    _follow_markets(place, (symbol,), channels, stop_after_s, lambda known: _Depth(known, json_output, levels))


@watch.command()
@click.argument("symbols", nargs=-1, required=True, metavar="SYMBOL...")
@with_venue
@for_duration
@as_json_lines
def trades(symbols: tuple[str, ...], place: Place, stop_after_s: float | None, json_output: bool) -> None:
    """Follow the trades of each SYMBOL; one taker's fills at one price are one line."""
    channels = (streams.AGG_TRADE, streams.MARK_PRICE)
    _follow_markets(place, symbols, channels, stop_after_s, lambda known: _Trades(known, json_output))


@watch.command()
@with_account
@for_duration
@as_json_lines
def user(place: Place, stop_after_s: float | None, json_output: bool) -> None:
    """Follow the account: orders, fills, balances and positions."""

    async def main() -> None:
        credentials = credentials_for(place)
        async with until_told(stop_after_s), opened(place, credentials) as venue:
            shown = _User(venue.info.instruments, json_output)
            await venue.account_stream.run(_telling_of_line(shown.take))

    run(main, "info")


# --- lines


def _telling_of_line(
    take: Callable[[MarketEvent | AccountEvent], None],
) -> Callable[[MarketEvent | AccountEvent], None]:
    """Says on stderr when the line is up; why it went down, the line itself says."""
    lost = False

    def sink(event: MarketEvent | AccountEvent) -> None:
        nonlocal lost
        if isinstance(event, StreamUp):
            logger.info("{} stream: {}", event.line, "up again; what happened meanwhile is missing" if lost else "up")
        elif isinstance(event, StreamDown):
            lost = True
        take(event)

    return sink


class _View:
    """Draws markets' events; `picture` is what a terminal shows, None where each event is a line."""

    def __init__(self, instruments: Sequence[Instrument], json_output: bool) -> None:
        self.instruments = {each.symbol: each for each in instruments}
        self.json_output = json_output
        self.on_screen = not json_output and sys.stdout.isatty()

    def take(self, event: MarketEvent | AccountEvent) -> None:
        raise NotImplementedError

    def picture(self) -> Group | None:
        return None


def _follow_markets(
    place: Place,
    symbols: Sequence[str],
    channels: Sequence[str],
    stop_after_s: float | None,
    make_view: Callable[[Sequence[Instrument]], _View],
) -> None:
    async def main() -> None:
        async with until_told(stop_after_s), opened(place, channels=channels) as venue:
            instruments = instruments_of(venue, symbols)
            view = make_view(instruments)
            try:
                venue.market_stream.want([each.symbol for each in instruments])
            except ValueError as error:
                raise click.UsageError(str(error)) from None
            with _screen(view):
                await venue.market_stream.run(_telling_of_line(view.take))

    run(main, "info")


def _screen(view: _View) -> Live | nullcontext[None]:
    if not view.on_screen or view.picture() is None:
        return nullcontext()
    return Live(
        get_renderable=lambda: view.picture() or "", console=Console(), refresh_per_second=4, redirect_stderr=False
    )


class _Prices(_View):
    def __init__(self, instruments: Sequence[Instrument], json_output: bool) -> None:
        super().__init__(instruments, json_output)
        self._books: dict[str, BookTicker] = {}
        self._marks: dict[str, Decimal] = {}

    def take(self, event: MarketEvent | AccountEvent) -> None:
        if isinstance(event, MarkPrice):
            self._marks[event.symbol] = event.mark
        elif isinstance(event, BookTicker):
            self._books[event.symbol] = event
            instrument, mark = self.instruments[event.symbol], self._marks.get(event.symbol)
            if self.json_output:
                print_json(shapes.ticker(instrument, event, mark))
            elif not self.on_screen:
                _, bid, ask, mid, shown_mark, spread = price_line(instrument, event, mark)
                at = utc(event.exchange_ms, date=False)
                click.echo(f"{at} {event.symbol} bid {bid} ask {ask} mid {mid} mark {shown_mark} spread {spread} bps")

    def picture(self) -> Group:
        known = [
            price_line(self.instruments[symbol], self._books[symbol], self._marks.get(symbol))
            for symbol in self.instruments
            if symbol in self._books
        ]
        return Group(*table(PRICE_TITLES, known))


class _Depth(_View):
    def __init__(self, instruments: Sequence[Instrument], json_output: bool, levels: int) -> None:
        super().__init__(instruments, json_output)
        self._levels = levels
        self._book: Depth | None = None

    def take(self, event: MarketEvent | AccountEvent) -> None:
        if not isinstance(event, Depth):
            return
        event = replace(event, bids=event.bids[: self._levels], asks=event.asks[: self._levels])
        self._book = event
        instrument = self.instruments[event.symbol]
        if self.json_output:
            print_json(shapes.depth(instrument, event))
        elif not self.on_screen:
            bids = " ".join(_level(instrument, *each) for each in reversed(event.bids[:3]))
            asks = " ".join(_level(instrument, *each) for each in event.asks[:3])
            click.echo(f"{utc(event.exchange_ms, date=False)} {event.symbol} {bids} | {asks}")

    def picture(self) -> Group:
        book = self._book
        return Group(*ladder(self.instruments[book.symbol], book)) if book else Group("waiting for the first book")


def _level(instrument: Instrument, ticks: int, lots: int) -> str:
    return f"{instrument.quantity_text(lots)}@{instrument.price_text(ticks)}"


class _Trades(_View):
    def take(self, event: MarketEvent | AccountEvent) -> None:
        if not isinstance(event, PublicTrade):
            return
        instrument = self.instruments[event.symbol]
        if self.json_output:
            print_json(shapes.trade(instrument, event))
        else:
            price, quantity = instrument.price_text(event.price_ticks), instrument.quantity_text(event.lots)
            click.echo(
                f"{utc(event.exchange_ms, date=False)} {event.symbol} {event.side.lower():<4} {quantity} @ {price}"
            )


class _User:
    def __init__(self, instruments: dict[str, Instrument], json_output: bool) -> None:
        self.instruments = instruments
        self.json_output = json_output

    def take(self, event: MarketEvent | AccountEvent) -> None:
        if isinstance(event, OrderUpdate):
            self._order(event)
        elif isinstance(event, AccountUpdate):
            self._account(event)

    def _order(self, event: OrderUpdate) -> None:
        order, fill = event.order, event.fill
        instrument = self.instruments[order.symbol]
        if self.json_output:
            shape = {"event": "order", "execution": event.execution, **shapes.order(instrument, order)}
            shape["fleet"] = fleet_of(order.client_id)
            shape["fill"] = fill and shapes.fill(instrument, fill)
            print_json(shape)
            return
        what = (
            f"{utc(order.exchange_ms, date=False)} {order.symbol} {order.side.lower()}"
            f" {instrument.quantity_text(order.lots)} @ {instrument.price_text(order.price_ticks)}"
            f" {order.status.lower().replace('_', ' ')} {order.client_id}"
        )
        if fill is not None:
            what += (
                f": filled {instrument.quantity_text(fill.lots)} @ {instrument.price_text(fill.price_ticks)}"
                f" as {'maker' if fill.is_maker else 'taker'}, fee {plain(fill.fee)} {fill.fee_asset},"
                f" realised {plain(fill.realised_pnl, sign=True)}"
            )
        click.echo(what)

    def _account(self, event: AccountUpdate) -> None:
        if self.json_output:
            print_json(
                {
                    "event": "account",
                    "reason": event.reason,
                    "balances": [{"asset": each.asset, "wallet": each.wallet} for each in event.balances],
                    "changes": dict(event.balance_changes),
                    "positions": [
                        {
                            "symbol": each.symbol,
                            "qty": self.instruments[each.symbol].quantity(each.lots),
                            "entry_price": each.entry_price,
                        }
                        for each in event.positions
                    ],
                    "exchange_ms": event.exchange_ms,
                }
            )
            return
        told = [f"{each.asset} {plain(each.wallet)}" for each in event.balances]
        for each in event.positions:
            instrument = self.instruments[each.symbol]
            digits = shapes.price_digits(instrument) + 2
            entry = f" from {fixed(each.entry_price, digits)}" if each.lots else ""
            told.append(f"position {each.symbol} {instrument.quantity_text(each.lots)}{entry}")
        click.echo(f"{utc(event.exchange_ms, date=False)} {event.reason.lower().replace('_', ' ')}: {', '.join(told)}")
