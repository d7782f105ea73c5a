"""Commands about markets, for which no keys are needed: price, trades, depth."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import click
from rich.text import Text

from exchange.model import BookTicker, Depth, Instrument, PublicTrade
from fleet.cli import shapes
from fleet.cli.output import Titles, as_json, print_json, print_lines, print_table, side_text, table, utc
from fleet.cli.venue_option import Place, instruments_of, opened, run, with_venue
from fleet.runtime.venue import Venue
from fleet.views.text import BAD, GOOD, QUIET, fixed

_REQUEST_LIMITS = (5, 10, 20, 50, 100, 500, 1000)


@click.command()
@click.argument("symbols", nargs=-1, required=True, metavar="SYMBOL...")
@with_venue
@as_json
def price(symbols: tuple[str, ...], place: Place, json_output: bool) -> None:
    """Show best bid, best ask, mid, mark price and spread of each SYMBOL."""

    async def ask() -> list[tuple[Instrument, BookTicker, Decimal | None]]:
        async with opened(place) as venue:
            return await _prices(venue, instruments_of(venue, symbols))

    found = run(ask)
    if json_output:
        print_json([shapes.ticker(*each) for each in found])
    else:
        print_table(PRICE_TITLES, [price_line(*each) for each in found])


PRICE_TITLES: Titles = (
    ("symbol", "left"),
    ("bid", "point"),
    ("ask", "point"),
    ("mid", "point"),
    ("mark", "point"),
    ("spread bps", "point"),
)


def price_line(instrument: Instrument, book: BookTicker, mark: Decimal | None) -> list[str | Text]:
    digits = shapes.price_digits(instrument)
    mid, spread = shapes.mid_of(instrument, book), shapes.spread_bps(book)
    return [
        book.symbol,
        Text(instrument.price_text(book.bid_ticks), GOOD) if book.bid_ticks else "-",
        Text(instrument.price_text(book.ask_ticks), BAD) if book.ask_ticks else "-",
        # Half a tick wants one decimal more.
        "-" if mid is None else fixed(mid, digits + 1),
        "-" if mark is None else fixed(mark, digits),
        "-" if spread is None else fixed(spread, 2),
    ]


async def _prices(venue: Venue, wanted: list[Instrument]) -> list[tuple[Instrument, BookTicker, Decimal | None]]:
    books = {book.symbol: book for book in await venue.market_data.book_tickers()}
    for instrument in wanted:
        if instrument.symbol not in books:
            # A paper exchange opens a market when it is first asked about, and not in a list of all.
            books[instrument.symbol] = _touch(await venue.market_data.depth(instrument.symbol, _REQUEST_LIMITS[0]))
    marks = {each.symbol: each.mark for each in await venue.market_data.mark_prices()}
    return [(each, books[each.symbol], marks.get(each.symbol)) for each in wanted]


def _touch(depth: Depth) -> BookTicker:
    bid = depth.bids[0] if depth.bids else (0, 0)
    ask = depth.asks[0] if depth.asks else (0, 0)
    return BookTicker(depth.symbol, depth.update_id, *bid, *ask, depth.exchange_ms, depth.received_us)


@click.command()
@click.argument("symbol")
@click.option(
    "--limit", type=click.IntRange(1, 1000), metavar="N", default=50, show_default=True, help="How many at most."
)
@with_venue
@as_json
def trades(symbol: str, limit: int, place: Place, json_output: bool) -> None:
    """Show the latest trades of SYMBOL, the newest last; side is the taker's."""

    async def ask() -> tuple[Instrument, list[PublicTrade]]:
        async with opened(place) as venue:
            (instrument,) = instruments_of(venue, [symbol])
            found = await venue.market_data.recent_trades(instrument.symbol, limit)
            return instrument, sorted(found, key=lambda each: each.trade_id)

    instrument, found = run(ask)
    if json_output:
        print_json([shapes.trade(instrument, each) for each in found])
    elif found:
        print_table(
            (("time (UTC)", "left"), ("side", "left"), ("price", "point"), ("quantity", "point"), ("id", "right")),
            [
                (
                    utc(each.exchange_ms),
                    side_text(each.side),
                    instrument.price_text(each.price_ticks),
                    instrument.quantity_text(each.lots),
                    str(each.trade_id),
                )
                for each in found
            ],
        )
    else:
        click.echo(f"no trades of {instrument.symbol} yet")


@click.command()
@click.argument("symbol")
@click.option(
    "--limit", type=click.IntRange(1, 1000), metavar="N", default=10, show_default=True, help="Levels of each side."
)
@with_venue
@as_json
def depth(symbol: str, limit: int, place: Place, json_output: bool) -> None:
    """Show the order book of SYMBOL: bids on the left, asks on the right, best first."""

    async def ask() -> tuple[Instrument, Depth]:
        async with opened(place) as venue:
            (instrument,) = instruments_of(venue, [symbol])
            wanted = next(each for each in _REQUEST_LIMITS if each >= limit)
            book = await venue.market_data.depth(instrument.symbol, wanted)
            return instrument, replace(book, bids=book.bids[:limit], asks=book.asks[:limit])

    instrument, book = run(ask)
    if json_output:
        print_json(shapes.depth(instrument, book))
    else:
        print_lines(ladder(instrument, book))


def ladder(instrument: Instrument, book: Depth) -> list[Text]:
    empty = ("", "")
    bids = [(instrument.quantity_text(lots), Text(instrument.price_text(ticks), GOOD)) for ticks, lots in book.bids]
    asks = [(Text(instrument.price_text(ticks), BAD), instrument.quantity_text(lots)) for ticks, lots in book.asks]
    height = max(len(bids), len(asks))
    lines = [(*(bids + [empty] * height)[i], *(asks + [empty] * height)[i]) for i in range(height)]
    drawn = table((("bid quantity", "point"), ("bid", "right"), ("ask", "right"), ("ask quantity", "point")), lines)
    return [Text(f"{instrument.symbol}  {utc(book.exchange_ms)} UTC", QUIET), *drawn]
