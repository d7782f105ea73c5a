"""Commands about fleet files: validate, schema, init."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from fleet.cli.main import Failure
from fleet.cli.verdict import judge
from fleet.config.schema import fleet_schema_text
from fleet.config.starter import write_starter
from fleet.words import many


class _Usd(click.ParamType[Decimal]):
    name = "usd"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or amount <= 0:
            self.fail("an amount such as 1000", param, ctx)
        return amount


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("fleet.yaml"))
@click.option("--venue-check/--offline", default=True, help="Also hold the file against the exchange's instruments.")
@click.option("--collateral", "collateral_usd", type=_Usd(), help="Collateral in USD to reckon order sizes with.")
def validate(file: Path, venue_check: bool, collateral_usd: Decimal | None) -> None:
    """Check FILE (fleet.yaml when not given); exit 2 when anything is wrong with it.

    Every fault is told at once, as file:line:column: what: what would be right.
    """
    verdict = judge(file, venue_check=venue_check, collateral_usd=collateral_usd)
    verdict.tell()
    config = verdict.examined.whole().config
    count = len(config.symbols)
    click.echo(f"{file}: fleet {config.fleet}, {many(count, 'symbol')}: good")


@click.command()
def schema() -> None:
    """Print the JSON Schema of fleet files, for editors that complete and check YAML."""
    click.echo(fleet_schema_text(), nl=False)


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("fleet.yaml"))
def init(file: Path) -> None:
    """Write a commented starter file to FILE (fleet.yaml when not given), and its schema beside it."""
    try:
        written = write_starter(file)
    except FileExistsError:
        raise Failure(f"{file} exists, and is left as it is: give another name") from None
    for path in written:
        click.echo(f"wrote {path}")
    click.echo(f"next: astermm-fleet validate {file}, then astermm-fleet up {file}")
