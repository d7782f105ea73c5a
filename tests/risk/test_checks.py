"""What is known of a symbol, and an action -> approved, or the reason why not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from risk_house import BUY, SELL, At, amend, known, order, place

from exchange.model import Cancel, Place
from fleet.orders.lifecycle import Phase
from fleet.orders.plan import Action, Query
from fleet.risk.checks import Reason, Refused, check
from fleet.risk.exposure import Held

STOP = Refused(Reason.LOSS, "lost too much")


def reason_of(state: At, action: Action) -> Reason | None:
    verdict = check(state.known, state.orders, action)
    return verdict.reason if isinstance(verdict, Refused) else None


@pytest.mark.parametrize(
    ("state", "action", "expected"),
    [
        # Nothing is limited unless it is named.
        (known(), place(BUY, 990, 10**6), None),
        (known(position_usd=10**9), place(BUY, 990, 10**6), None),
        # The size of an order: 100 lots at 990 ticks are 99 USD.
        (known(max_order_usd=99), place(BUY, 990, 100), None),
        (known(max_order_usd=98), place(BUY, 990, 100), Reason.ORDER),
        (known(max_order_usd=98), place(BUY, 990, 100, reduce_only=True), None),
        (known(order("a", BUY, 980, 50), max_order_usd=98), amend("a", BUY, 990, 100), Reason.ORDER),
        (known(order("a", BUY, 980, 120), max_order_usd=98), amend("a", BUY, 990, 100), None),  # it gets smaller
        # What fills of a partly filled order is in the position.
        (known(order("a", BUY, 990, 100, seen_lots=60), max_order_usd=45), amend("a", BUY, 990, 105), None),
        (known(order("a", BUY, 990, 100, seen_lots=60), max_order_usd=44), amend("a", BUY, 990, 105), Reason.ORDER),
        # Open orders: both sides together, those that only reduce not counted.
        (known(order("a", SELL, 1010, 100), max_open_usd=200), place(BUY, 990, 100), None),
        (known(order("a", SELL, 1010, 100), max_open_usd=199), place(BUY, 990, 100), Reason.OPEN),
        (known(order("a", SELL, 1010, 100, reduce_only=True), max_open_usd=99), place(BUY, 990, 100), None),
        (known(max_open_usd=50), place(SELL, 1010, 100, reduce_only=True), None),
        # The position: with every opening order of the side, and no credit for the other.
        (known(position_usd=100, max_position_usd=199), place(BUY, 990, 100), None),
        (known(position_usd=101, max_position_usd=199), place(BUY, 990, 100), Reason.POSITION),
        (known(position_usd=-101, max_position_usd=199), place(BUY, 990, 100), None),
        (known(position_usd=-99, max_position_usd=199), place(SELL, 1010, 100), Reason.POSITION),
        (known(order("a", BUY, 980, 100), position_usd=10, max_position_usd=200), place(BUY, 990, 100), Reason.POSITION),
        (known(order("a", SELL, 1010, 200), max_position_usd=99), place(BUY, 990, 100), None),
        (known(position_usd=300, max_position_usd=200), place(SELL, 1010, 300, reduce_only=True), None),
        # What is not known counts: an order without an answer, and the dearer of what an amendment asked for and was.
        (known(order("a", BUY, 980, 100, phase=Phase.UNKNOWN), max_position_usd=150), place(BUY, 990, 100), Reason.POSITION),
        (known(order("a", BUY, 980, 10, asked=(980, 100)), max_position_usd=150), place(BUY, 990, 100), Reason.POSITION),
        (known(order("a", BUY, 980, 100, asked=(980, 10)), max_position_usd=150), place(BUY, 990, 100), Reason.POSITION),
        # 50 may fill at 1000 before the amendment to 100 at 990 is carried out: 50 + 49.5 USD.
        (known(order("a", BUY, 1000, 50), max_position_usd=99), amend("a", BUY, 990, 100), Reason.POSITION),
        (known(order("a", BUY, 1000, 50), max_position_usd=100), amend("a", BUY, 990, 100), None),
        # Filled, says the venue, and no trade has told of it: it is in no position yet.
        (
            known(order("a", BUY, 980, 100, phase=Phase.DONE, filled_lots=100), max_position_usd=150),
            place(BUY, 990, 100),
            Reason.POSITION,
        ),
        (known(order("a", BUY, 980, 100, phase=Phase.DONE), max_position_usd=99), place(BUY, 990, 100), None),
        # The whole fleet.
        (known(fleet={"max_open_usd": 199}, others=Held(Decimal(0), Decimal(100))), place(BUY, 990, 100), None),
        (known(fleet={"max_open_usd": 198}, others=Held(Decimal(0), Decimal(100))), place(BUY, 990, 100), Reason.FLEET_OPEN),
        (known(fleet={"max_position_usd": 199}, others=Held(Decimal(100), Decimal(0))), place(BUY, 990, 100), None),
        (
            known(fleet={"max_position_usd": 198}, others=Held(Decimal(100), Decimal(0))),
            place(BUY, 990, 100),
            Reason.FLEET_POSITION,
        ),
        # The smaller side adds nothing to the worst case.
        (
            known(order("a", SELL, 1010, 100), fleet={"max_position_usd": 101}, others=Held()),
            place(BUY, 990, 100),
            None,
        ),
        # Losses and fills: what opens is refused, at any size; what reduces is not.
        (known(stop=STOP), place(BUY, 990, 1), Reason.LOSS),
        (known(order("a", BUY, 980, 100), stop=STOP), amend("a", BUY, 970, 10), Reason.LOSS),
        (known(stop=STOP), place(BUY, 990, 1, reduce_only=True), None),
        (known(order("a", BUY, 980, 100, reduce_only=True), stop=STOP), amend("a", BUY, 990, 100), None),
        # A cancel and a question pass in any state.
        (known(stop=STOP, mid=None, mark=None), Cancel("XUSDT", "a"), None),
        (known(stop=STOP, mid=None, mark=None), Query("XUSDT", "a"), None),
    ],
)  # fmt: skip
def test_caps(state: At, action: Action, expected: Reason | None) -> None:
    assert reason_of(state, action) is expected


@pytest.mark.parametrize("reduce_only", [False, True])
@pytest.mark.parametrize(
    ("state", "side", "ticks", "passes"),
    [
        (known(), BUY, 1010, True),  # 1% beyond mark and mid: as far as they may be apart
        (known(), BUY, 1011, False),
        (known(), SELL, 990, True),
        (known(), SELL, 989, False),
        (known(max_mark_deviation="3%"), BUY, 1030, True),
        (known(mid=1005), BUY, 1011, False),  # beyond the mark price
        (known(mark=101), BUY, 1011, False),  # beyond mid
        (known(), BUY, 950, True),  # the exchange's band is 0.95 to 1.05
        (known(), BUY, 949, False),
        (known(), SELL, 1050, True),
        (known(), SELL, 1051, False),
        (known(mid=None), BUY, 990, False),
        (known(mark=None), BUY, 990, False),
    ],
)
def test_prices(state: At, side: str, ticks: int, passes: bool, reduce_only: bool) -> None:
    action = Place("XUSDT", "", BUY if side == "BUY" else SELL, ticks, 10, reduce_only)
    assert reason_of(state, action) is (None if passes else Reason.PRICE)


@pytest.mark.parametrize("reduce_only", [False, True])
@pytest.mark.parametrize(
    ("state", "action", "passes"),
    [
        (known(order("a", SELL, 1005, 10)), place(BUY, 1004, 10), True),
        (known(order("a", SELL, 1005, 10)), place(BUY, 1005, 10), False),
        (known(order("a", BUY, 995, 10)), place(SELL, 996, 10), True),
        (known(order("a", BUY, 995, 10)), place(SELL, 995, 10), False),
        (known(order("a", BUY, 995, 10)), place(BUY, 995, 10), True),
        (known(order("a", SELL, 1005, 10, phase=Phase.UNKNOWN)), place(BUY, 1005, 10), False),
        (known(order("a", SELL, 1005, 10, phase=Phase.CANCELLING)), place(BUY, 1005, 10), False),
        (known(order("a", SELL, 1005, 10, phase=Phase.DONE)), place(BUY, 1005, 10), True),
        (known(order("a", SELL, 1008, 10, asked=(1003, 10))), place(BUY, 1004, 10), False),
        (known(order("a", SELL, 1003, 10, asked=(1008, 10))), place(BUY, 1004, 10), False),
        (known(order("a", SELL, 1005, 10), order("b", BUY, 990, 10)), amend("b", BUY, 1005, 10), False),
    ],
)
def test_no_order_trades_with_one_of_our_own(state: At, action: Action, passes: bool, reduce_only: bool) -> None:
    if isinstance(action, Place):
        action = place(action.side, action.price_ticks, action.lots, reduce_only=reduce_only)
    assert reason_of(state, action) is (None if passes else Reason.SELF_TRADE)


def test_a_refusal_says_what_would_be_and_what_is_allowed() -> None:
    at = known(position_usd=101, max_position_usd=199)
    verdict = check(at.known, at.orders, place(BUY, 990, 100))
    assert isinstance(verdict, Refused)
    assert verdict.words == "the position would come to 200.00 USD, 199 are allowed"
