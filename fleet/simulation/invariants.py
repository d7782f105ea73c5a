"""What must hold whatever goes wrong: each rule a pure function from what is true and what is believed to a complaint.

Owns: the rules and their stated bounds. Must not know: tasks, the fleet's and the exchange's objects. A rule that holds
answers with an empty string.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from exchange.model import Side

PULLED_BOUND_S = 6.0
"""So long an order of ours may rest where the fleet wants none, while every request about its symbol is answered and
cancels have room: a query after an unknown outcome may be 5 s away."""

PULLED_BOUND_DISTURBED_S = 45.0
"""And so long when requests meet faults, or cancels have to wait: two in a row that nobody answers take 20 s, and a
placement that may yet come is waited for another 20."""

PULLED_BOUND_SPENT_S = 75.0
"""And so long when several starts have spent a minute's weight to the last: until it is back, and a little more."""

FALSE_BELIEF_BOUND_S = 3.0
"""So long the fleet may believe another thing of an order or a position than is so, while its line is up and all that
it asks is answered: news on its way may be a second late."""

LOOKED_AGAIN_BOUND_S = 10.0
"""And so long beyond the time between two looks at the whole account, when news was lost and nothing tells of it."""

STALE_BOUND_S = 2.0
"""So long an order may rest after its prices have become too old: an amendment may be under way, then it goes."""

HEARTBEAT_LEFT_S = 55.0
"""So much of a countdown is left at least, unless something is in the way: a heartbeat goes before everything else once
half of it is over, and it is two minutes or more."""

HEARTBEAT_LATE_S = 15.0
"""So long after something was in the way it may be less: until then a heartbeat that failed is tried again."""

QUOTED_BOUND_S = 30.0
"""So long a symbol that may be quoted may be without an order, while all that it asks for is answered."""

DEAD_BOUND_S = 131.0
"""So long an order may rest after the death of the process that placed it: the exchange's countdown of two minutes,
since a last heartbeat that came ten seconds late."""

CAP_SLACK = Decimal("1.1")
"""What an order may be worth beyond its share when it is looked at: prices and the wallet move after it was sized."""


@dataclass(frozen=True, slots=True)
class Resting:
    """An open order as the exchange has it. `usd`: what is left of it is worth."""

    symbol: str
    client_id: str
    side: Side
    reduce_only: bool
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is in the market: the largest opening order, all of them, and the position if one side of them filled."""

    order_usd: Decimal = Decimal(0)
    open_usd: Decimal = Decimal(0)
    position_usd: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Limits:
    """Most that each of these may come to; None is any."""

    order_usd: Decimal | None = None
    open_usd: Decimal | None = None
    position_usd: Decimal | None = None

    def or_more(self, other: Limits) -> Limits:
        """The larger of each."""
        return Limits(
            _larger(self.order_usd, other.order_usd),
            _larger(self.open_usd, other.open_usd),
            _larger(self.position_usd, other.position_usd),
        )


@dataclass(frozen=True, slots=True)
class Books:
    """One symbol's sums. `trades` counts those that the figures are sums of."""

    position_lots: int
    trades: int
    realised: Decimal
    fees: Decimal


def one_order_a_side(resting: Iterable[Resting]) -> str:
    """Of one symbol: at most one opening order a side, and one reducing beside it while it takes the other's place."""
    opening: dict[Side, str] = {}
    reducing: dict[Side, str] = {}
    for order in resting:
        kind = reducing if order.reduce_only else opening
        other = kind.setdefault(order.side, order.client_id)
        if other != order.client_id:
            return f"{order.symbol} has two orders on the {order.side} side: {other} and {order.client_id}"
    return ""


def within_cap(symbol: str, position_usd: Decimal, resting: Iterable[Resting], cap_usd: Decimal) -> str:
    """The position, and what it would be when all that rests on one side were filled, opening orders alone counted."""
    for side in Side:
        working_usd = sum((each.usd for each in resting if each.side is side and not each.reduce_only), Decimal(0))
        worst_usd = position_usd * side.sign + working_usd
        if worst_usd > cap_usd * CAP_SLACK:
            return f"{symbol} may come to hold {worst_usd:.2f} USD, over its cap of {cap_usd:.2f} USD"
    return ""


def together(exposures: Iterable[Exposure]) -> Exposure:
    """Of several symbols: no position makes up for another."""
    each = list(exposures)
    return Exposure(
        max((one.order_usd for one in each), default=Decimal(0)),
        sum((one.open_usd for one in each), Decimal(0)),
        sum((one.position_usd for one in each), Decimal(0)),
    )


def within_limits(whose: str, exposure: Exposure, limits: Limits, beside_usd: Decimal) -> str:
    """`beside_usd`: what is held that could not be reckoned with."""
    for what, usd, limit in (
        ("an order", exposure.order_usd, limits.order_usd),
        ("open orders", exposure.open_usd, limits.open_usd),
        ("position", exposure.position_usd, limits.position_usd and limits.position_usd + beside_usd),
    ):
        if limit is not None and usd > limit:
            return f"{whose}: {what} may come to {usd:.4f} USD, over the {limit:.4f} USD that its file ever allowed"
    return ""


def no_limit_overstepped(refused_429: int, refused_418: int) -> str:
    """Refusals that the exchange itself made, those that the day's plan made left out."""
    if refused_429 or refused_418:
        return f"the exchange refused {refused_429} requests for their number (429) and {refused_418} banned (418)"
    return ""


def nothing_rests_where_none_is_wanted(
    symbol: str,
    why: str,
    resting: Collection[Resting],
    unwanted_s: float,
    undisturbed_s: float,
    *,
    is_spent: bool = False,
) -> str:
    """`unwanted_s`: since the fleet wants none there. `undisturbed_s`: of that, since the last request met a fault, or
    cancels had no room. `is_spent`: meanwhile they had none, so that nothing could be asked for."""
    if not resting or not why:
        return ""
    bound_s = PULLED_BOUND_SPENT_S if is_spent else PULLED_BOUND_DISTURBED_S
    if undisturbed_s <= PULLED_BOUND_S and unwanted_s <= bound_s:
        return ""
    ids = ", ".join(order.client_id for order in resting)
    return f"{symbol}: {ids} rests though {why} for {unwanted_s:.1f} s ({undisturbed_s:.1f} s without a fault)"


def nothing_rests_unseen(symbol: str, ids: Collection[str], blind_s: float, undisturbed_s: float) -> str:
    """`blind_s`: for so long the newest price that has reached the fleet is older than its limit. `undisturbed_s`:
    since a request met a fault, or cancels had no room."""
    if not ids or blind_s <= STALE_BOUND_S or undisturbed_s <= PULLED_BOUND_S:
        return ""
    return f"{symbol}: {', '.join(ids)} rests though its prices have been too old for {blind_s:.1f} s"


def a_countdown_runs(client_id: str, left_s: float | None) -> str:
    """Behind each order from its first moment: `left_s` until it ends; None when none runs."""
    return f"{client_id} came in though no countdown ran behind it" if left_s is None else ""


def a_heartbeat_comes(symbol: str, left_s: float | None, undisturbed_s: float) -> str:
    """`left_s`: until the exchange cancels the symbol's orders; None: it will not."""
    if undisturbed_s <= HEARTBEAT_LATE_S or (left_s is not None and left_s >= HEARTBEAT_LEFT_S):
        return ""
    left = "no countdown runs" if left_s is None else f"{left_s:.0f} s of the countdown are left"
    return f"{symbol}: {left}, and for {undisturbed_s:.0f} s nothing was in the way of a heartbeat"


def no_trade_with_oneself(client_id: str, met: Collection[str]) -> str:
    """`met`: orders of the same fleet that it would trade with."""
    return f"{client_id} would trade with {', '.join(met)} of the same fleet" if met else ""


def what_may_be_quoted_is_quoted(symbol: str, idle_s: float, pulled: str) -> str:
    """`idle_s`: for so long it has no order though nothing was in the way. `pulled`: what the fleet says of it."""
    return (
        f"{symbol} has had no order for {idle_s:.1f} s: {pulled or 'none was placed'}"
        if idle_s > QUOTED_BOUND_S
        else ""
    )


def nothing_rests_after_a_death(dead_s: float, own: Iterable[Resting], unguarded: Collection[str]) -> str:
    """`unguarded`: symbols in which the owner had orders of his own, so that no countdown ran."""
    left = [order.client_id for order in own if order.symbol not in unguarded]
    if not left or dead_s <= DEAD_BOUND_S:
        return ""
    return f"no process has run for {dead_s:.1f} s, and there are still {', '.join(left)}"


def belief_is_true(symbol: str, error: str, undisturbed_s: float, look_again_s: float | None) -> str:
    """`undisturbed_s`: for so long nothing was in the way of learning better. `look_again_s`: where news was lost that
    may be why, how far apart the fleet looks at the whole account; else None."""
    bound_s = FALSE_BELIEF_BOUND_S if look_again_s is None else look_again_s + LOOKED_AGAIN_BOUND_S
    return f"{symbol}: {error}, for {undisturbed_s:.1f} s" if undisturbed_s > bound_s else ""


def what_is_over_stays_over(come_back: Collection[str]) -> str:
    return f"the fleet knew to be over, and believes to be live: {', '.join(come_back)}" if come_back else ""


def nothing_left_after_a_stop(own: Iterable[Resting], told: Collection[str]) -> str:
    """`told`: those that the fleet itself said may be left."""
    left = [order.client_id for order in own if order.client_id not in told]
    return f"after the stop there are still {', '.join(left)}" if left else ""


def foreign_orders_untouched(placed: Mapping[str, bool]) -> str:
    """By client id, whether an order of the owner's is as he left it."""
    touched = [client_id for client_id, is_untouched in placed.items() if not is_untouched]
    return f"orders that are not the fleet's were touched: {', '.join(touched)}" if touched else ""


def books_agree(symbol: str, ours: Books, theirs: Books) -> str:
    """To the last digit, `theirs` summed over as many of the newest trades as we have counted."""
    if ours == theirs:
        return ""
    return f"{symbol}: the fleet's books say {ours}, the exchange's {theirs}"


@dataclass(frozen=True, slots=True)
class TradeRow:
    """A trade as it is on record."""

    trade_id: int
    order_id: int
    side: Side
    is_maker: bool
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    realised: Decimal


def ledger_agrees(symbol: str, ours: Sequence[TradeRow], theirs: Sequence[TradeRow]) -> str:
    """No trade missing in the ledger, none there twice, each to the last digit, through all lives of the process."""
    if ours == theirs:
        return ""
    missing = [row.trade_id for row in theirs if row not in ours]
    strange = [row.trade_id for row in ours if row not in theirs]
    return (
        f"{symbol}: the ledger has {len(ours)} trades, the exchange {len(theirs)}; missing {missing}, wrong {strange}"
    )


def wallet_agrees(ours: Decimal, theirs: Decimal) -> str:
    return "" if ours == theirs else f"the fleet knows of a wallet of {ours}, the exchange has {theirs}"


def working_orders_agree(believed: Sequence[str], own: Sequence[Resting]) -> str:
    """Once quiet, what the fleet believes to be open is what is open."""
    theirs = sorted(order.client_id for order in own)
    ours = sorted(believed)
    return "" if ours == theirs else f"the fleet believes {ours} to be open, the exchange has {theirs}"


def same_trace(first: Sequence[tuple[int, str]], second: Sequence[tuple[int, str]]) -> str:
    """Byte for byte."""
    if first == second:
        return ""
    for number, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return f"the same seed went two ways, from line {number}: {one} or {other}"
    return f"the same seed went {len(first)} lines far, and {len(second)}"


def _larger(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else max(one, other)
