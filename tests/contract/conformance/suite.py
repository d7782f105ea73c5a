"""All rows, and those that the paper exchange does not serve yet.

Owns: the list. Must not know: what the rows say.
"""

from __future__ import annotations

from collections import Counter

from conformance import (
    rows_account,
    rows_auth,
    rows_limits,
    rows_market,
    rows_methods,
    rows_money,
    rows_order_errors,
    rows_order_fills,
    rows_orders,
    rows_settings,
    rows_streams,
    rows_user_stream,
)
from conformance.not_served import NOT_SERVED
from conformance.row import Row

ROWS: tuple[Row, ...] = (
    *rows_market.ROWS,
    *rows_streams.ROWS,
    *rows_methods.ROWS,
    *rows_orders.ROWS,
    *rows_order_fills.ROWS,
    *rows_order_errors.ROWS,
    *rows_account.ROWS,
    *rows_money.ROWS,
    *rows_settings.ROWS,
    *rows_user_stream.ROWS,
    *rows_auth.ROWS,
    *rows_limits.ROWS,
)

_twice = [name for name, number in Counter(each.id for each in ROWS).items() if number > 1]
if _twice:
    raise ValueError(f"rows of one name: {', '.join(_twice)}")
_unknown = NOT_SERVED - {each.id for each in ROWS}
if _unknown:
    raise ValueError(f"no such rows: {', '.join(sorted(_unknown))}")
