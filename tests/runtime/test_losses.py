"""What loss limits do to a running fleet, and what a restart remembers of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
from runtime_fakes import fleet_config, symbol_config
from runtime_worlds import FleetWorld, X, Y, play_fleet

from exchange.errors import Unavailable, VenueError
from exchange.model import AccountUpdate, Cancel, Fill, FundingPayment, Order, Place, Position, Side, TimeInForce
from fleet.config.models import FleetConfig
from fleet.control.state import Phase
from fleet.risk.checks import Reason
from fleet.risk.loss import Basis, RiskMemory
from fleet.runtime.completion import LOOK_EVERY_S
from fleet.runtime.losses import CLOSE_AGAIN_S
from fleet.runtime.mailbox import Crash
from fleet.runtime.memory import MemoryFile
from fleet.runtime.status import fleet_state


class Scene(FleetWorld):
    """`memory`: the file, which a second play takes up as a second process would."""

    def __init__(self, config: FleetConfig, memory: Path | MemoryFile | None) -> None:
        file = MemoryFile(memory) if isinstance(memory, Path) else memory
        super().__init__(config, memory=file)
        remembered = file.read() if file else None
        if remembered is not None:
            self.clock.shift(60_000_000)
        basis = remembered and remembered.bases.get(X)
        self.first_trade = max(basis.trade_id, 1) if basis else 1
        """What the process before has seen is listed with that number."""

    async def buy(self, lots: int, mid: int) -> None:
        """By our bid, at 99, and a cent of fees; then the market is there."""
        self.trading.fill(self.trading.one(Side.BUY, X).client_id, lots)
        await anyio.sleep(1.5)
        self.market_stream.tick(X, mid)
        await anyio.sleep(3)

    @property
    def limit(self) -> str:
        return self.fleet.risk.loss.limit

    @property
    def day_result(self) -> Decimal:
        return self.fleet.risk.loss.day_result


def play(
    scene: Callable[[Scene], Awaitable[None]],
    config: FleetConfig,
    memory: Path | MemoryFile | None = None,
    before: Callable[[Scene], None] = lambda _: None,
) -> None:
    play_fleet(lambda config: Scene(config, memory), config, scene, before)


def losing(**risk: Any) -> FleetConfig:
    return fleet_config(symbol_config(X, balance_fraction="0.5", leverage=4), Y, risk=risk)


# --- hit


@pytest.mark.parametrize("on_loss", ["pull", "close"])
def test_a_loss_limit_pulls_or_closes_and_ends_when_the_owner_says_so(on_loss: str) -> None:
    async def scene(at: Scene) -> None:
        await at.buy(1000, 980)
        assert set(at.phases().values()) == {Phase.LIMIT}
        assert "are allowed" in fleet_state(at.fleet).loss_limit
        assert not [order for order in at.trading.open() if not order.reduce_only]
        if on_loss == "close":
            assert at.trading.held[X].lots == 0
            assert at.trading.open() == []
        else:
            assert at.closings() == []
            assert [(order.symbol, order.side) for order in at.trading.open()] == [(X, Side.SELL)]
        await at.owner.resume(None)
        await anyio.sleep(2)
        assert at.trading.open(Y)

    play(scene, losing(daily_loss_usd=10, on_loss=on_loss))


def test_an_edit_that_brings_the_limit_below_the_loss_is_told_and_closes() -> None:
    async def scene(at: Scene) -> None:
        await at.buy(1000, 980)
        assert at.limit == ""
        at.fleet.apply(losing(daily_loss_usd=5, on_loss="close"))
        assert at.said("a loss limit is hit, nothing is opened any more: lost")
        await anyio.sleep(3)
        assert at.trading.held[X].lots == 0

    play(scene, losing(daily_loss_usd=12, on_loss="close"))


def test_an_edit_of_what_is_no_loss_limit_lifts_none() -> None:
    async def scene(at: Scene) -> None:
        await at.buy(1000, 980)
        at.market_stream.tick(X, 1000)
        await anyio.sleep(2)
        at.fleet.apply(losing(daily_loss_usd=10, max_open_usd=10**6))
        assert at.limit
        at.fleet.apply(losing(daily_loss_usd=11, max_open_usd=10**6))
        assert at.limit == ""

    play(scene, losing(daily_loss_usd=10))


def test_an_edit_to_close_closes_what_a_limit_has_pulled_before() -> None:
    async def scene(at: Scene) -> None:
        await at.buy(1000, 980)
        assert at.trading.held[X].lots == 1000
        at.fleet.apply(losing(daily_loss_usd=10, on_loss="close"))
        await anyio.sleep(3)
        assert at.trading.held[X].lots == 0

    play(scene, losing(daily_loss_usd=10))


# --- closing


def test_a_loss_limit_closes_a_symbol_when_none_of_its_own_orders_could_be_what_it_trades_with() -> None:
    """The closing orders go past the check against self-trades."""
    standing: list[list[Order]] = []

    async def scene(at: Scene) -> None:
        new, cancel_many = at.trading._new, at.trading.cancel_many  # pyright: ignore[reportPrivateUsage]
        cancel = at.trading.cancel

        async def late(order: Cancel, ticket: Any = None) -> Order:
            await anyio.sleep(1)
            return await cancel(order, ticket)

        async def late_many(symbol: str, client_ids: Sequence[str], ticket: Any = None) -> list[Order | VenueError]:
            await anyio.sleep(1)
            return await cancel_many(symbol, client_ids, ticket)

        def note(place: Place, *, tell: bool = True) -> Order:
            if place.time_in_force is TimeInForce.IOC:
                standing.append(at.trading.open(place.symbol))
            return new(place, tell=tell)

        at.trading._new = note  # pyright: ignore[reportPrivateUsage]
        at.trading.cancel, at.trading.cancel_many = late, late_many
        await at.buy(1000, 980)
        await anyio.sleep(3)
        assert at.trading.held[X].lots == 0

    play(scene, losing(daily_loss_usd=10, on_loss="close"))
    assert standing
    assert not any(standing)


def test_closing_is_tried_again_as_long_as_limit_and_position_are_there() -> None:
    async def scene(at: Scene) -> None:
        at.trading.taken_at_once = 0
        await at.buy(1000, 980)
        await anyio.sleep(40)
        assert at.trading.held[X].lots == 1000
        assert at.said("still holds 10.00")
        at.trading.taken_at_once = 10**6
        await anyio.sleep(CLOSE_AGAIN_S)
        assert at.trading.held[X].lots == 0

    play(scene, losing(daily_loss_usd=10, on_loss="close"))


def test_a_restart_takes_closing_up_again(tmp_path: Path) -> None:
    async def first(at: Scene) -> None:
        at.trading.taken_at_once = 0
        await at.buy(1000, 980)

    async def second(at: Scene) -> None:
        await anyio.sleep(3)
        assert at.limit
        assert at.trading.held[X].lots == 0

    config = losing(daily_loss_usd=10, on_loss="close")
    play(first, config, tmp_path / "risk")
    play(second, config, tmp_path / "risk", before=holding(1000, 980))


# --- remembered


def holding(lots: int, mid: int) -> Callable[[Scene], None]:
    """The venue as the process before has left it: the fakes' trades begin anew."""

    def before(at: Scene) -> None:
        at.trading.held[X] = Position(X, lots, Decimal(99), exchange_ms=at.clock.now_ms())
        at.market_stream.mids[X] = mid
        trade(at, Side.BUY, lots)

    return before


def trade(at: Scene, side: Side, lots: int, realised: int = 0) -> Fill:
    trades = at.trading.trades[X]
    fill = Fill(X, at.first_trade + len(trades), 1, "", side, 990, lots, True, Decimal("0.01"), "USDT", Decimal(realised),
                at.clock.now_ms())  # fmt: skip
    trades.append(fill)
    return fill


def test_what_a_position_had_lost_before_is_no_loss_of_this_run() -> None:
    def before(at: Scene) -> None:
        at.trading.move(X, 1000)
        at.market_stream.mids[X] = 980
        at.trading.latency_s = 0.01

    async def scene(at: Scene) -> None:
        await anyio.sleep(3)
        assert at.fleet.unrealised_pnl == -20
        assert set(at.phases().values()) == {Phase.REDUCING, Phase.QUOTING}
        at.market_stream.tick(X, 960)
        await anyio.sleep(3)
        assert set(at.phases().values()) == {Phase.LIMIT}

    play(scene, losing(daily_loss_usd=12), before=before)


def test_a_trade_of_the_first_moment_is_a_result_all_the_same() -> None:
    async def scene(at: Scene) -> None:
        # Before the first look.
        await at.buy(1000, 980)
        assert at.day_result == Decimal("-10.01")

    play(scene, losing(daily_loss_usd=1000))


def test_a_restart_remembers_that_a_limit_was_hit(tmp_path: Path) -> None:
    path = tmp_path / "risk"

    async def first(at: Scene) -> None:
        await at.buy(1000, 980)

    async def second(at: Scene) -> None:
        await anyio.sleep(2)
        assert set(at.phases().values()) == {Phase.LIMIT}
        assert at.trading.open() == []
        assert at.said("before the restart a loss limit was hit: lost 10.01 USD today")

    config = losing(daily_loss_usd=10)
    play(first, config, path)
    written = MemoryFile(path).read()
    assert written is not None
    assert written.limit
    play(second, config, path)


def test_a_loop_of_orderly_restarts_reaches_the_limit_all_the_same(tmp_path: Path) -> None:
    """4 USD of 12 are lost in each life of five seconds, and a fee of a cent once."""
    limits: list[str] = []

    async def first(at: Scene) -> None:
        await at.buy(400, 980)
        limits.append(at.limit)

    async def further(at: Scene) -> None:
        await anyio.sleep(2)
        at.market_stream.tick(X, 980 - 10 * len(limits))
        await anyio.sleep(2)
        limits.append(at.limit)

    config = losing(daily_loss_usd=12)
    play(first, config, tmp_path / "risk")
    play(further, config, tmp_path / "risk", before=holding(400, 980))
    assert limits == ["", ""]
    play(further, config, tmp_path / "risk", before=holding(400, 970))
    assert limits[2] == "lost 12.01 USD today, 12 are allowed"


@pytest.mark.parametrize(
    ("mid", "is_hit"),
    [(980, False), (970, True)],
)
def test_what_a_position_loses_while_no_process_runs_counts(tmp_path: Path, mid: int, is_hit: bool) -> None:
    day_results: list[Decimal] = []

    async def first(at: Scene) -> None:
        await at.buy(1000, 990)
        day_results.append(at.day_result)

    async def second(at: Scene) -> None:
        await anyio.sleep(2)
        day_results.append(at.day_result)
        assert bool(at.limit) is is_hit

    config = losing(daily_loss_usd=15)
    play(first, config, tmp_path / "risk")
    play(second, config, tmp_path / "risk", before=holding(1000, mid))
    assert day_results[1] - day_results[0] == mid - 990


def test_orders_that_fill_while_no_process_runs_count(tmp_path: Path) -> None:
    """Ten USD were lost on the way to a flat position, and two cents paid; then money was taken out."""

    async def first(at: Scene) -> None:
        await at.buy(1000, 1000)

    async def second(at: Scene) -> None:
        await anyio.sleep(2)
        assert at.day_result == Decimal("-10.03")

    def before(at: Scene) -> None:
        holding(1000, 1000)(at)
        trade(at, Side.SELL, 400, -6)
        trade(at, Side.SELL, 600, -4)
        at.trading.move(X, -1000)
        at.trading.wallet = Decimal(100)

    config = losing(daily_loss_usd=1000)
    play(first, config, tmp_path / "risk")
    play(second, config, tmp_path / "risk", before=before)


def test_funding_while_no_process_runs_counts_and_none_twice(tmp_path: Path) -> None:
    def pay(at: Scene, number: int, ago_s: int = 0) -> None:
        paid_ms = at.clock.now_ms() - ago_s * 1000
        at.trading.paid.append(FundingPayment(str(number), X, Decimal("-0.1"), "USDT", paid_ms))

    async def first(at: Scene) -> None:
        pay(at, 1)
        at.account_stream.tell(AccountUpdate("FUNDING_FEE", (), {"USDT": Decimal("-0.1")}, (), at.clock.now_ms()))
        await anyio.sleep(LOOK_EVERY_S + 1)
        assert at.day_result == Decimal("-0.1")

    async def second(at: Scene) -> None:
        await anyio.sleep(LOOK_EVERY_S + 1)
        assert at.day_result == Decimal("-0.3")

    def before(at: Scene) -> None:
        pay(at, 1, 59)
        pay(at, 2, 30)
        pay(at, 3, 20)

    config = losing(daily_loss_usd=1000)
    play(first, config, tmp_path / "risk")
    play(second, config, tmp_path / "risk", before=before)


def test_where_trades_do_not_lead_to_the_position_the_result_begins_with_the_process(tmp_path: Path) -> None:
    async def first(at: Scene) -> None:
        await at.buy(1000, 980)

    async def second(at: Scene) -> None:
        await anyio.sleep(2)
        assert at.day_result == Decimal("-10.01")
        assert at.said("what it made while no fleet ran is not known")

    config = losing(daily_loss_usd=1000)
    play(first, config, tmp_path / "risk")
    play(second, config, tmp_path / "risk", before=lambda at: at.trading.move(X, 700))


def test_a_memory_that_makes_no_sense_pulls_until_the_owner_says_resume(tmp_path: Path) -> None:
    path = tmp_path / "risk"
    path.write_text('{"day": 1, "day_re', "utf-8")

    async def scene(at: Scene) -> None:
        await anyio.sleep(2)
        assert set(at.phases().values()) == {Phase.LIMIT}
        assert at.trading.open() == []
        assert at.closings() == []
        assert [line.text for line in at.journal.lines if str(path) in line.text] == [at.limit]

    async def resumed(at: Scene) -> None:
        await scene(at)
        await at.owner.resume(None)
        await anyio.sleep(2)
        assert set(at.phases().values()) == {Phase.QUOTING}

    async def after(at: Scene) -> None:
        assert set(at.phases().values()) == {Phase.QUOTING}

    config = losing(daily_loss_usd=12, on_loss="close")
    play(scene, config, path)
    play(resumed, config, path)  # the file was left alone
    play(after, config, path)


def test_where_it_is_not_known_whether_a_limit_was_hit_nothing_is_closed(tmp_path: Path) -> None:
    (tmp_path / "risk").write_text("", "utf-8")

    async def scene(at: Scene) -> None:
        await anyio.sleep(5)
        assert at.limit
        assert [(order.side, order.reduce_only) for order in at.trading.open(X)] == [(Side.SELL, True)]
        assert at.closings() == []

    play(scene, losing(daily_loss_usd=12, on_loss="close"), tmp_path / "risk", lambda at: at.trading.move(X, 1000))


def test_what_has_changed_is_written_down_each_second_for_a_process_that_is_killed(tmp_path: Path) -> None:
    handed: list[RiskMemory] = []

    class Noted(MemoryFile):
        def keep(self, memory: RiskMemory) -> str:
            handed.append(memory)
            return super().keep(memory)

    async def scene(at: Scene) -> None:
        await at.buy(1000, 980)
        assert handed[-1].day_result == at.day_result == Decimal("-10.01")
        assert handed[-1].bases[X].lots == 1000

    play(scene, losing(daily_loss_usd=12), Noted(tmp_path / "risk"))


def test_the_newest_is_written_once_the_one_before_is_on_disk(tmp_path: Path) -> None:
    file = MemoryFile(tmp_path / "risk")
    for day in range(5):
        for _ in range(10**6):
            assert file.keep(RiskMemory(day)) == ""
            if file.read() == RiskMemory(day):
                break
        assert file.read() == RiskMemory(day)


def test_what_the_owner_resumes_while_no_fleet_runs_is_the_loss_alone(tmp_path: Path) -> None:
    file, fills = MemoryFile(tmp_path / "risk"), {Y: ((1, 2), 3)}
    file.finish(RiskMemory(7, Decimal(-9), Decimal(9), "lost", {X: Basis(5, 7, 1, Decimal(-4))}, fills, held=(X,)))
    file.resume()
    assert file.read() == RiskMemory(7, fills=fills, held=(X,))
    (tmp_path / "risk").write_text("{}", "utf-8")
    file.resume()
    file.resume()
    assert file.read() is None


def test_where_no_memory_is_nothing_was_hit(tmp_path: Path) -> None:
    assert MemoryFile(tmp_path / "risk").read() is None
    assert MemoryFile(tmp_path / "risk" / "risk").read() is None


def test_a_memory_comes_back_as_it_was(tmp_path: Path) -> None:
    basis = Basis(-5, 7, 1_700_000_000_000, Decimal("-0.25"), 20_000)
    memory = RiskMemory(20_000, Decimal("-1.10"), Decimal("3.5"), "lost", {X: basis}, {Y: ((1, 2), 3)})
    file = MemoryFile(tmp_path / "risk")
    assert file.keep(memory) == ""
    assert file.finish(memory) == ""
    assert file.read() == memory


def test_a_memory_of_an_earlier_version_is_understood(tmp_path: Path) -> None:
    (tmp_path / "risk").write_text('{"day":7,"day_result":"-1","below_best":"2","limit":""}', "utf-8")
    assert MemoryFile(tmp_path / "risk").read() == RiskMemory(7, Decimal(-1), Decimal(2))


def test_a_memory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")

    async def scene(at: Scene) -> None:
        await anyio.sleep(1)

    seen: list[Scene] = []
    play(scene, losing(daily_loss_usd=12), tmp_path / "file" / "risk", before=seen.append)
    assert seen[0].said("what the risk limits should not forget is not written down: file exists")


# --- caps and fills


def test_a_position_that_was_there_before_counts_for_the_fleet_from_the_start() -> None:
    """Whichever worker is first to begin: what another has not taken up yet leaves no room."""

    def before(at: Scene) -> None:
        at.trading.move(Y, 100)
        at.trading.latency_s = 0.01
        at.trading.trouble("set_leverage", Unavailable("away"), symbol=Y)

    async def scene(at: Scene) -> None:
        assert at.phases()[Y] is Phase.BACKOFF
        assert at.trading.open() == []
        assert at.fleet.slots[X].risk.refusals == {Reason.FLEET_POSITION: 2}
        at.fleet.stalls = 3
        state = fleet_state(at.fleet)
        assert ([symbol.refusals for symbol in state.symbols], state.stalls) == ([{"fleet_position": 2}, {}], 3)

    play(scene, fleet_config(X, Y, risk={"max_position_usd": 190}), before=before)


def held_by_the_others(at: Scene) -> Decimal:
    """As X's limits see it."""
    return at.fleet.risk.others(X).position_usd


def test_a_position_that_its_symbol_left_behind_counts_for_the_fleet_while_it_is_there(tmp_path: Path) -> None:
    risk = {"max_position_usd": 250}
    without = fleet_config(X, risk=risk)

    async def first(at: Scene) -> None:
        bid = at.trading.one(Side.BUY, Y)
        at.trading.fill(bid.client_id, bid.lots)
        await anyio.sleep(2)
        at.fleet.apply(without)
        for _ in range(30):
            await anyio.sleep(1)
            assert held_by_the_others(at) >= 97

    async def second(at: Scene) -> None:
        assert held_by_the_others(at) == 98
        at.trading.move(Y, -98)
        await anyio.sleep(at.fleet.reconcile_every_s + 2)
        assert held_by_the_others(at) == 0

    play(first, fleet_config(X, Y, risk=risk), tmp_path / "risk")
    play(second, without, tmp_path / "risk", before=lambda at: at.trading.move(Y, 98))


PAUSED = fleet_config(symbol_config(X, max_fills={"count": 1, "per": "10s", "pause": "10m"}), Y)


async def is_paused(at: Scene) -> None:
    await anyio.sleep(1)
    assert [order for order in at.trading.open(X) if not order.reduce_only] == []
    assert at.fleet.slots[X].risk.fills.paused_until_us > at.clock.now_us()


def test_a_pause_after_too_many_fills_outlives_the_process(tmp_path: Path) -> None:
    async def scene(at: Scene) -> None:
        at.trading.fill(at.trading.one(Side.BUY, X).client_id, 98)
        await anyio.sleep(2)

    play(scene, PAUSED, tmp_path / "risk")
    play(is_paused, PAUSED, tmp_path / "risk", before=holding(98, 1000))


def test_fills_while_no_process_ran_count_for_the_pause(tmp_path: Path) -> None:
    async def scene(at: Scene) -> None:
        await anyio.sleep(2)

    def before(at: Scene) -> None:
        trade(at, Side.BUY, 50)
        trade(at, Side.SELL, 50)

    play(scene, PAUSED, tmp_path / "risk")
    play(is_paused, PAUSED, tmp_path / "risk", before=before)


@pytest.mark.parametrize("tell", [True, False])
def test_fills_while_no_worker_ran_count_for_the_pause(tell: bool) -> None:
    async def scene(at: Scene) -> None:
        buy = at.trading.one(Side.BUY, X)
        at.fleet.slots[X].mailbox.put(Crash(ZeroDivisionError("ours")))
        at.trading.fill(buy.client_id, buy.lots, tell=tell)
        await anyio.sleep(5)
        assert at.fleet.slots[X].supervisor.restarts == 1
        assert at.fleet.slots[X].risk.fills.paused_until_us > at.clock.now_us()

    play(scene, PAUSED)
