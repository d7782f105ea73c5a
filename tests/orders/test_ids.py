"""Client order ids fit the exchange's pattern, say whose they are, and never meet."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.orders.ids import ClientIds, Run, base36, fleet_of, is_ours, owners_ids

PATTERN = re.compile(r"^[\.A-Z\:/a-z0-9_-]{1,36}$")
REAL_SYMBOLS = ["ASTERUSDT", "1000CHEEMSUSDT", "BROCCOLI714USDT", "币安人生USDT", "我踏马来了USDT", "老子USDT"]


@given(fleet=st.from_regex(r"[a-z0-9_.-]{1,12}", fullmatch=True), symbol=st.sampled_from(REAL_SYMBOLS))
def test_an_id_fits_and_is_known_again(fleet: str, symbol: str) -> None:
    run = Run.beginning(fleet, 2_700_000_000_000, Random(1))
    ids = ClientIds(run, symbol)
    client_id = [ids.next() for _ in range(40)][-1]
    assert len(client_id) <= 36 - len("zzzzz") + len("14")
    assert PATTERN.match(client_id)
    assert is_ours(fleet, client_id)
    assert not is_ours(fleet + "x", client_id)
    assert not is_ours("x" + fleet, client_id)
    assert run.owns(client_id)
    assert not run.is_repeated_by(client_id)


@given(fleet=st.from_regex(r"[a-z0-9_.-]{1,12}", fullmatch=True), symbol=st.sampled_from(REAL_SYMBOLS))
def test_what_an_owner_closes_with_is_the_fleets_and_no_other_run(fleet: str, symbol: str) -> None:
    ids = owners_ids(fleet, symbol, 1_790_000_000_000)
    for client_id in [next(ids) for _ in range(40)]:
        assert PATTERN.match(client_id)
        assert fleet_of(client_id) == fleet
        run = Run(fleet, 1)
        assert (run.owns(client_id), run.is_newer(client_id), run.is_later_than(client_id)) == (True, False, False)


def test_no_two_symbols_or_runs_share_an_id() -> None:
    ids = {ClientIds(Run("tokyo-1", run), symbol).next() for symbol in REAL_SYMBOLS for run in range(100)}
    assert len(ids) == 100 * len(REAL_SYMBOLS)


@pytest.mark.parametrize("fleet", ["a", "tokyo-1", "tokyo-makers"])
def test_two_symbols_share_no_id_however_long_the_fleets_name_is(fleet: str) -> None:
    run = Run(fleet, 1)
    assert len({ClientIds(run, symbol).next() for symbol in REAL_SYMBOLS}) == len(REAL_SYMBOLS)


@given(ms=st.integers(1, 2_700_000_000_000), seed=st.integers(), found_ms=st.integers(1, 2_700_000_000_000))
def test_a_run_is_later_than_what_it_finds_and_than_it_was(ms: int, seed: int, found_ms: int) -> None:
    found = ClientIds(Run.beginning("a", found_ms, Random(seed)), "XUSDT").next()
    run = Run.beginning("a", ms, Random(seed + 1))
    ids = ClientIds(run, "XUSDT")
    first = ids.next()
    run.begin_after([found])
    assert not run.is_newer(found)
    second = ids.next()
    was = run.number
    run.begin_anew(ms)
    assert run.number > was
    assert len({found, first, second, ids.next()}) == 4
    assert run.owns(first)


def test_a_run_of_the_earlier_kind_is_an_earlier_one() -> None:
    run = Run.beginning("tokyo-1", 1_700_000_000_000, Random(1))
    assert not run.is_newer(f"tokyo-1:X:{base36(2_000_000_000)}:1")


def test_two_that_begin_at_once_and_find_the_same_differ() -> None:
    runs = [Run.beginning("a", 1, Random(seed)) for seed in (1, 2)]
    for run in runs:
        run.begin_after(["a:X:zzzzzzzzzz:5"])
    assert runs[0].number != runs[1].number


@pytest.mark.parametrize(
    ("client_id", "repeated"),
    [
        ("tokyo-1:X:s:1", False),
        ("tokyo-1:X:s:2", True),
        ("tokyo-1:Y:s:1", True),
        ("tokyo-1:X:r:2", False),
        ("tokyo-1:X:t:2", False),
        ("tokyo-2:X:s:2", False),
        ("web_1", False),
    ],
)
def test_an_id_of_this_runs_number_that_it_did_not_make_is_seen(client_id: str, repeated: bool) -> None:
    run = Run("tokyo-1", int("s", 36))
    assert ClientIds(run, "X").next() == "tokyo-1:X:s:1"
    # Who asks for a symbol's again goes on counting.
    assert ClientIds(run, "Z").next() != ClientIds(run, "Z").next()
    assert run.is_repeated_by(client_id) == repeated


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
