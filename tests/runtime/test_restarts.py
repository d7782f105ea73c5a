"""What a restart remembers: losses, positions and too many fills."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import anyio
import pytest
from loss_scene import Scene, holding, losing, play, trade
from runtime_fakes import fleet_config, symbol_config
from runtime_worlds import X, Y

from exchange.model import AccountUpdate, FundingPayment, Side
from fleet.control.state import Phase
from fleet.risk.loss import RiskMemory
from fleet.runtime.completion import LOOK_EVERY_S
from fleet.runtime.mailbox import Crash
from fleet.runtime.memory import MemoryFile

# --- losses


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


@pytest.mark.parametrize(
    ("edited", "is_hit"), [({"daily_loss_usd": 5000}, False), ({}, False), ({"daily_loss_usd": 9}, True)]
)
def test_an_edit_of_the_limit_while_no_process_runs_counts_as_one_that_a_process_sees(
    tmp_path: Path, edited: dict[str, int], is_hit: bool
) -> None:
    async def first(at: Scene) -> None:
        await at.buy(1000, 980)
        assert at.limit

    async def second(at: Scene) -> None:
        await anyio.sleep(2)
        assert bool(at.limit) is is_hit
        assert bool(at.trading.open(Y)) is not is_hit
        assert at.said("lost 10.01 USD today, 9 are allowed; nothing is opened until") is is_hit
        assert at.said("10 are allowed; by the edited limits the fleet may open positions again") is not is_hit

    play(first, losing(daily_loss_usd=10), tmp_path / "risk")
    play(second, losing(**edited), tmp_path / "risk", before=holding(1000, 980))


def test_what_was_lost_since_the_resume_is_told_so_after_a_restart(tmp_path: Path) -> None:
    async def first(at: Scene) -> None:
        await at.buy(1000, 980)
        await at.owner.resume(None)
        at.market_stream.tick(X, 970)
        await anyio.sleep(2)
        assert at.limit == ""

    async def second(at: Scene) -> None:
        at.market_stream.tick(X, 960)
        await anyio.sleep(3)
        assert at.limit == "lost 20.00 USD since the resume at 22:13 UTC, 15 are allowed"

    config = losing(daily_loss_usd=15)
    play(first, losing(daily_loss_usd=10.01), tmp_path / "risk")
    play(second, config, tmp_path / "risk", before=holding(1000, 970))


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
        assert at.fleet.account.funding == 0, "it is none of this run's"

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


def test_a_memory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")

    async def scene(at: Scene) -> None:
        await anyio.sleep(1)

    seen: list[Scene] = []
    play(scene, losing(daily_loss_usd=12), tmp_path / "file" / "risk", before=seen.append)
    assert seen[0].said("what the risk limits should not forget is not written down: file exists")


# --- positions


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


# --- fills

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
