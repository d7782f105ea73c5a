"""Commands about the account, which look and never touch: balance, account, positions, orders."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import click
from rich.text import Text

from exchange.model import AccountMargin, AssetMargin, Instrument, Order, Position
from exchange.ports import Trading
from fleet.cli import shapes
from fleet.cli.output import as_json, print_json, print_table, side_text, utc
from fleet.cli.venue_option import Place, credentials_for, instruments_of, opened, run, with_account
from fleet.orders.ids import fleet_of
from fleet.runtime.account import STABLE_ASSETS
from fleet.views.text import BAD, GOOD, QUIET, amount, fixed, money, plain


@dataclass(frozen=True, slots=True)
class _Money:
    margin: AccountMargin
    is_multi_assets: bool

    @property
    def collateral_assets(self) -> list[AssetMargin]:
        """Stable assets at one dollar each where all are collateral; else what positions are margined in."""
        counted = STABLE_ASSETS if self.is_multi_assets else ("USDT",)
        return [each for each in self.margin.assets if each.asset in counted]

    @property
    def collateral(self) -> Decimal:
        return sum((each.wallet for each in self.collateral_assets), Decimal(0))

    @property
    def unrealised(self) -> Decimal:
        return sum((each.unrealised for each in self.collateral_assets), Decimal(0))

    @property
    def position_margin(self) -> Decimal:
        return sum((each.position_margin for each in self.collateral_assets), Decimal(0))

    @property
    def order_margin(self) -> Decimal:
        return sum((each.order_margin for each in self.collateral_assets), Decimal(0))

    @property
    def maintenance(self) -> Decimal:
        return sum((each.maintenance for each in self.collateral_assets), Decimal(0))

    @property
    def held(self) -> list[AssetMargin]:
        return [each for each in self.margin.assets if each.wallet or each.unrealised]


async def _money(trading: Trading) -> _Money:
    return _Money(await trading.margin(), await trading.is_multi_assets_mode())


@click.command()
@with_account
@as_json
def balance(place: Place, json_output: bool) -> None:
    """Show what the account holds of each asset."""

    async def ask() -> _Money:
        async with opened(place, credentials_for(place)) as venue:
            return await _money(venue.trading)

    found = run(ask)
    if json_output:
        print_json([_asset_shape(each) for each in found.held])
        return
    if not found.held:
        click.echo("no balances")
        return
    print_table(
        (("asset", "left"), ("wallet", "point"), ("unrealised PnL", "point"), ("available", "point")),
        [(each.asset, plain(each.wallet), amount(each.unrealised, 4), plain(each.available)) for each in found.held],
    )
    if found.is_multi_assets and len(found.held) > 1:
        click.echo("multi-assets mode: each asset's available amount counts the same collateral, so they do not add up")


def _asset_shape(each: AssetMargin) -> shapes.Shape:
    return {
        "asset": each.asset,
        "wallet": each.wallet,
        "unrealised_pnl": each.unrealised,
        "available": each.available,
    }


@click.command()
@with_account
@as_json
def account(place: Place, json_output: bool) -> None:
    """Show the account: collateral, equity, margin in use and margin left, in USD."""

    async def ask() -> _Money:
        async with opened(place, credentials_for(place)) as venue:
            return await _money(venue.trading)

    found = run(ask)
    equity = found.collateral + found.unrealised
    if json_output:
        print_json(
            {
                "multi_assets": found.is_multi_assets,
                "collateral": found.collateral,
                "unrealised_pnl": found.unrealised,
                "equity": equity,
                "position_margin": found.position_margin,
                "order_margin": found.order_margin,
                "maintenance_margin": found.maintenance,
                "available": found.margin.available,
                "assets": [_asset_shape(each) for each in found.held],
            }
        )
        return
    mode = "all stable assets, at 1 USD each" if found.is_multi_assets else "USDT alone (single-asset mode)"
    print_table(
        (("", "left"), ("USD", "point"), ("", "left")),
        [
            ("collateral", money(found.collateral), Text(mode, QUIET)),
            ("unrealised PnL", amount(found.unrealised), ""),
            ("equity", money(equity), ""),
            ("margin of positions", money(found.position_margin), ""),
            ("margin of orders", money(found.order_margin), ""),
            ("maintenance margin", money(found.maintenance), ""),
            ("available", money(found.margin.available), ""),
        ],
    )


@click.command()
@with_account
@as_json
def positions(place: Place, json_output: bool) -> None:
    """Show open positions."""

    async def ask() -> tuple[list[tuple[Instrument, Position, Decimal]], bool]:
        async with opened(place, credentials_for(place)) as venue:
            is_hedged = await venue.trading.is_hedge_mode()
            found = [each for each in await venue.trading.positions() if each.lots]
            marks = {each.symbol: each.mark for each in await venue.market_data.mark_prices()}
            known = venue.info.instruments
            return [(known[each.symbol], each, marks.get(each.symbol, Decimal(0))) for each in found], is_hedged

    found, is_hedged = run(ask)
    if is_hedged:
        click.echo("note: the account is in hedge mode; its hedge positions are not shown", err=True)
    if json_output:
        print_json([_position_shape(*each) for each in found])
    elif found:
        print_table(
            (
                ("symbol", "left"),
                ("side", "left"),
                ("quantity", "point"),
                ("entry", "point"),
                ("mark", "point"),
                ("notional USD", "point"),
                ("unrealised PnL", "point"),
                ("leverage", "right"),
            ),
            [_position_line(*each) for each in found],
        )
    else:
        click.echo("no open positions")


def _position_shape(instrument: Instrument, position: Position, mark: Decimal) -> shapes.Shape:
    quantity = instrument.quantity(position.lots)
    return {
        "symbol": position.symbol,
        "qty": quantity,
        "entry_price": position.entry_price,
        "mark": mark,
        "notional": abs(quantity) * mark,
        "unrealised_pnl": quantity * (mark - position.entry_price),
        "leverage": position.leverage,
        "exchange_ms": position.exchange_ms,
    }


def _position_line(instrument: Instrument, position: Position, mark: Decimal) -> list[str | Text]:
    quantity = instrument.quantity(position.lots)
    digits = shapes.price_digits(instrument)
    return [
        position.symbol,
        Text("long", GOOD) if position.lots > 0 else Text("short", BAD),
        instrument.quantity_text(abs(position.lots)),
        # An average, which may lie between two ticks.
        fixed(position.entry_price, digits + 2),
        fixed(mark, digits),
        money(abs(quantity) * mark),
        amount(quantity * (mark - position.entry_price), 4),
        f"{position.leverage}x",
    ]


@click.command()
@click.argument("symbol", required=False)
@with_account
@as_json
def orders(symbol: str | None, place: Place, json_output: bool) -> None:
    """Show open orders, of SYMBOL or of all, and which fleet each is of."""

    async def ask() -> list[tuple[Instrument, Order]]:
        async with opened(place, credentials_for(place)) as venue:
            only = instruments_of(venue, [symbol])[0].symbol if symbol else None
            found = await venue.trading.open_orders(only)
            return [(venue.info.instruments[each.symbol], each) for each in found]

    found = sorted(run(ask), key=lambda each: (each[1].symbol, each[1].side, -each[1].price_ticks))
    if json_output:
        print_json([{**shapes.order(*each), "fleet": fleet_of(each[1].client_id)} for each in found])
    elif found:
        print_table(
            (
                ("symbol", "left"),
                ("side", "left"),
                ("price", "point"),
                ("quantity", "point"),
                ("filled", "point"),
                ("kind", "left"),
                ("updated (UTC)", "left"),
                ("fleet", "left"),
                ("client id", "left"),
            ),
            [_order_line(*each) for each in found],
        )
    else:
        click.echo("no open orders")


def _order_line(instrument: Instrument, order: Order) -> list[str | Text]:
    kind = "post-only" if order.time_in_force == "GTX" else order.time_in_force
    return [
        order.symbol,
        side_text(order.side),
        instrument.price_text(order.price_ticks),
        instrument.quantity_text(order.lots),
        instrument.quantity_text(order.filled_lots),
        f"{kind} reduce-only" if order.reduce_only else kind,
        utc(order.exchange_ms),
        fleet_of(order.client_id) or Text("not a fleet's", QUIET),
        order.client_id,
    ]
