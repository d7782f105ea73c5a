"""The ledger's tables, their version, and the way from an older one to today's.

Owns: the schema. Must not know: who writes or reads. Money, prices and quantities are decimal texts with every digit,
times integers with their unit in the name.

`accounts` says whose trades they are: trade ids are unique within one account of one venue, and a paper exchange that
begins anew counts from 1 again. The newest run's is the account in use.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

APPLICATION_ID = 0x41737446
"""In the file's header: this SQLite file is a ledger of ours."""

VERSION = 3

metadata = MetaData()


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True)


def _integer(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


accounts = Table(
    "accounts",
    metadata,
    _id(),
    _text("venue"),
    _text("owner"),
    _integer("begun_ms"),
    Column("funding_read_ms", Integer),
)
runs = Table(
    "runs",
    metadata,
    _id(),
    _integer("account"),
    _text("fleet"),
    _text("program"),
    _integer("started_ms"),
    Column("stopped_ms", Integer),
    Column("is_clean", Boolean),
)
configs = Table(
    "configs",
    metadata,
    _id(),
    _integer("run"),
    _integer("at_ms"),
    _integer("version"),
    _text("digest"),
    _text("config"),
)
orders = Table(
    "orders",
    metadata,
    _integer("account"),
    _text("client_id"),
    _integer("run"),
    _text("symbol"),
    _text("side"),
    Column("reduce_only", Boolean, nullable=False),
    Column("order_id", Integer),
    _text("price"),
    _text("quantity"),
    _text("filled"),
    _text("phase"),
    Column("status", Text),
    _text("reason"),
    _integer("placed_us"),
    _integer("changed_us"),
    PrimaryKeyConstraint("account", "client_id"),
    Index("orders_by_time", "account", "placed_us"),
    Index("orders_by_number", "account", "symbol", "order_id"),
)
order_changes = Table(
    "order_changes",
    metadata,
    _id(),
    _integer("account"),
    _text("client_id"),
    _integer("at_us"),
    _text("phase"),
    _text("price"),
    _text("quantity"),
    _text("filled"),
    Column("status", Text),
    _text("reason"),
    Index("order_changes_by_order", "account", "client_id"),
)
fills = Table(
    "fills",
    metadata,
    _integer("account"),
    _text("symbol"),
    _integer("trade_id"),
    _integer("run"),
    _integer("exchange_ms"),
    _integer("order_id"),
    _text("client_id"),
    _text("side"),
    _text("price"),
    _text("quantity"),
    Column("is_maker", Boolean, nullable=False),
    _text("fee"),
    _text("fee_asset"),
    _text("realised_pnl"),
    Column("mid", Text),
    Column("mark", Text),
    PrimaryKeyConstraint("account", "symbol", "trade_id"),
    Index("fills_by_time", "account", "exchange_ms"),
)
markouts = Table(
    "markouts",
    metadata,
    _integer("account"),
    _text("symbol"),
    _integer("trade_id"),
    _integer("horizon_s"),
    _text("mid"),
    PrimaryKeyConstraint("account", "symbol", "trade_id", "horizon_s"),
)
trade_lists = Table(
    "trade_lists",
    metadata,
    _integer("account"),
    _text("symbol"),
    _integer("read_to"),
    PrimaryKeyConstraint("account", "symbol"),
)
funding = Table(
    "funding",
    metadata,
    _integer("account"),
    _text("payment_id"),
    _integer("exchange_ms"),
    _text("symbol"),
    _text("amount"),
    _text("asset"),
    PrimaryKeyConstraint("account", "payment_id"),
    Index("funding_by_time", "account", "exchange_ms"),
)
equity = Table(
    "equity",
    metadata,
    _integer("account"),
    _integer("at_ms"),
    _text("wallet"),
    _text("unrealised"),
    PrimaryKeyConstraint("account", "at_ms"),
)
holdings = Table(
    "holdings",
    metadata,
    _integer("account"),
    _integer("at_ms"),
    _text("symbol"),
    _text("quantity"),
    _text("entry_price"),
    Column("mark", Text),
    Column("as_of_ms", Integer),
    PrimaryKeyConstraint("account", "at_ms", "symbol"),
)
incidents = Table(
    "incidents",
    metadata,
    _id(),
    _integer("run"),
    _integer("at_ms"),
    _text("kind"),
    Column("symbol", Text),
    _text("text"),
    Column("recording", LargeBinary),
)
recorded_incidents = Index("recorded_incidents", incidents.c.id, sqlite_where=incidents.c.recording.is_not(None))

Step = Callable[[Connection], None]


def _record_incidents(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE incidents ADD COLUMN recording BLOB")
    recorded_incidents.create(connection)


def _date_holdings(connection: Connection) -> None:
    """Rows from before stay without: which trades are in them is not known."""
    connection.exec_driver_sql("ALTER TABLE holdings ADD COLUMN as_of_ms INTEGER")


STEPS: dict[int, Step] = {2: _record_incidents, 3: _date_holdings}
"""Version -> how a file of the version before becomes one of it. Each step is carried out within one transaction."""


def create(connection: Connection) -> None:
    metadata.create_all(connection)
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")


def migrate(connection: Connection, version: int, steps: dict[int, Step] = STEPS, newest: int = VERSION) -> None:
    """Forward only, one version after the other; the caller commits."""
    for number in range(version + 1, newest + 1):
        steps[number](connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {number}")
