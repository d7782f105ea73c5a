"""Client order ids fit the exchange's pattern, say whose they are, and never meet."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.orders.ids import ClientIds, Run, fleet_of, is_ours, owners_ids

PATTERN = re.compile(r"^[\.A-Z\:/a-z0-9_-]{1,36}$")
REAL_SYMBOLS = ["ASTERUSDT", "1000CHEEMSUSDT", "BROCCOLI714USDT", "币安人生USDT", "我踏马来了USDT", "老子USDT"]


@given(fleet=st.from_regex(r"[a-z0-9_.-]{1,12}", fullmatch=True), symbol=st.sampled_from(REAL_SYMBOLS))
def test_an_id_fits_and_is_known_again(fleet: str, symbol: str) -> None:
    ids = ClientIds(Run(fleet, 1_790_000_000), symbol)
    client_id = [ids.next() for _ in range(40)][-1]
    assert PATTERN.match(client_id)
    assert is_ours(fleet, client_id)
    assert not is_ours(fleet + "x", client_id)
    assert not is_ours("x" + fleet, client_id)


@given(fleet=st.from_regex(r"[a-z0-9_.-]{1,12}", fullmatch=True), symbol=st.sampled_from(REAL_SYMBOLS))
def test_what_an_owner_closes_with_is_the_fleets_and_no_other_run(fleet: str, symbol: str) -> None:
    ids = owners_ids(fleet, symbol, 1_790_000_000_000)
    for client_id in [next(ids) for _ in range(40)]:
        assert PATTERN.match(client_id)
        assert fleet_of(client_id) == fleet
        run = Run(fleet, 1)
        assert (run.owns(client_id), run.is_newer(client_id)) == (True, False)


def test_no_two_symbols_or_runs_share_an_id() -> None:
    ids = {ClientIds(Run("tokyo-1", run), symbol).next() for symbol in REAL_SYMBOLS for run in range(100)}
    assert len(ids) == 100 * len(REAL_SYMBOLS)


@pytest.mark.parametrize(
    ("client_id", "owned", "newer"),
    [
        ("tokyo-1:X:s:1", True, False),
        ("tokyo-1:X:r:1", True, False),
        ("tokyo-1:X:t:1", False, True),
        ("tokyo-1:of-no-form", True, False),
        ("tokyo-2:X:r:1", False, False),
        ("tokyo-2:X:t:1", False, False),
        ("web_1", False, False),
    ],
)
def test_orders_of_this_and_earlier_runs_are_owned_and_a_later_runs_is_seen(
    client_id: str, owned: bool, newer: bool
) -> None:
    run = Run("tokyo-1", int("s", 36))
    assert (run.owns(client_id), run.is_newer(client_id)) == (owned, newer)


@pytest.mark.parametrize(
    ("client_id", "fleet"),
    [
        (ClientIds(Run("tokyo-1", 1_750_000_000), "ASTERUSDT").next(), "tokyo-1"),
        (ClientIds(Run("a", 1_750_000_000), "币安人生USDT").next(), "a"),
        ("web_Ab12", None),
        ("a:b", None),
        ("", None),
        ("Tokyo:ASTERUSDT:abc:1", None),
    ],
)
def test_the_fleet_of_an_order_is_read_from_its_id(client_id: str, fleet: str | None) -> None:
    assert fleet_of(client_id) == fleet
