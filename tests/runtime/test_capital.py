"""One account's collateral, shared: together the workers never promise more than there is."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.runtime.capital import Capital

NAMES = ("A", "B", "C", "D")
FRACTIONS = st.dictionaries(st.sampled_from(NAMES), st.decimals("0.01", "1", places=2), min_size=1)
MONEY = st.decimals(0, 10**6, places=4)


def capital(wallet: int = 1000, *, pnl: int = 0, foreign: int = 0, **fractions: str) -> Capital:
    made = Capital(Decimal(wallet), Decimal(pnl), Decimal(foreign))
    for symbol, fraction in fractions.items():
        made.demand(symbol, Decimal(fraction))
    return made


@given(
    fractions=FRACTIONS,
    wallet=MONEY,
    steps=st.lists(
        st.tuples(st.sampled_from(NAMES), st.decimals(0, 1, places=2), st.decimals(0, 1, places=2)), max_size=30
    ),
)
def test_workers_who_take_what_they_are_granted_never_overcommit(
    fractions: dict[str, Decimal], wallet: Decimal, steps: list[tuple[str, Decimal, Decimal]]
) -> None:
    """Each takes a part of its grant as orders, on top of the position that a part of its last orders became."""
    shared = Capital(wallet)
    held: dict[str, Decimal] = {}
    orders: dict[str, Decimal] = {}
    for symbol, fraction in fractions.items():
        shared.demand(symbol, fraction)
    for symbol, filled, wanted in steps:
        if symbol in fractions:
            held[symbol] = held.get(symbol, Decimal(0)) + orders.get(symbol, Decimal(0)) * filled
            orders[symbol] = shared.grant(symbol, held[symbol]) * wanted
            shared.commit(symbol, held[symbol] + orders[symbol])
        assert sum(held.values()) + sum(orders.values()) <= shared.usable + Decimal("1e-9")


@given(fractions=FRACTIONS, wallet=MONEY)
def test_shares_add_up_to_no_more_than_is_usable(fractions: dict[str, Decimal], wallet: Decimal) -> None:
    shared = Capital(wallet)
    for symbol, fraction in fractions.items():
        shared.demand(symbol, fraction)
    assert sum(shared.share(symbol) for symbol in fractions) <= shared.usable + Decimal("1e-9")


@pytest.mark.parametrize(
    ("shared", "share_of_a"),
    [
        pytest.param(capital(A="0.2"), 196, id="its fraction of what is usable"),
        pytest.param(capital(A="0.2", B="0.8"), 196, id="fractions of one"),
        pytest.param(capital(A="1", B="1"), 490, id="fractions over one are scaled down"),
        pytest.param(capital(A="1", pnl=-100), 882, id="unrealised losses count"),
        pytest.param(capital(A="1", pnl=100), 980, id="unrealised gains do not"),
        pytest.param(capital(A="1", foreign=500), 490, id="what is not ours is left alone"),
        pytest.param(capital(A="1", pnl=-1000, foreign=500), 0, id="never less than nothing"),
        pytest.param(capital(B="1"), 0, id="who demands nothing has none"),
    ],
)
def test_share(shared: Capital, share_of_a: int) -> None:
    assert shared.share("A") == share_of_a


def test_a_grant_is_what_the_others_have_left() -> None:
    shared = capital(A="0.6", B="0.4")
    shared.commit("B", Decimal(700))
    assert shared.grant("A") == 280
    assert shared.grant("A", Decimal(80)) == 200
    shared.commit("B", Decimal(1000))
    assert shared.grant("A") == 0


def test_one_commitment_takes_the_place_of_the_last() -> None:
    shared = capital(A="1", B="1")
    shared.commit("A", Decimal(900))
    shared.commit("A", Decimal(500))
    assert shared.grant("B") == 480


def test_what_a_symbol_that_left_still_holds_is_not_promised_to_others() -> None:
    shared = capital(A="0.5", B="1")
    shared.commit("A", Decimal(300))
    shared.remove("A")
    assert shared.foreign_margin == 300
    assert shared.grant("B") == 700 * Decimal("0.98")
