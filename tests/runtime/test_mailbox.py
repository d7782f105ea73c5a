"""Of the market only the newest is kept, of the account's news everything, and nobody sleeps through any of it."""

from __future__ import annotations

import anyio
import pytest
from runtime_fakes import EPOCH_US, mark, ticker

from exchange.errors import Unavailable
from fleet.orders.plan import Query
from fleet.runtime.mailbox import Answer, Crash, Mailbox
from fleet.simulation.loop import run_virtual

NO = Unavailable("no")


def answer(name: str) -> Answer:
    return Answer(Query("XUSDT", name), NO)


async def test_of_the_market_only_the_newest_is_kept() -> None:
    mailbox = Mailbox()
    for number in range(3):
        mailbox.put_market(ticker(EPOCH_US + number))
        mailbox.put_market(mark(EPOCH_US + number))
    assert (mailbox.ticker, mailbox.mark) == (ticker(EPOCH_US + 2), mark(EPOCH_US + 2))
    assert list(mailbox.take()) == []


async def test_a_line_that_comes_or_goes_forgets_what_was_known() -> None:
    mailbox = Mailbox()
    for up in (True, False):
        mailbox.put_market(ticker(EPOCH_US))
        mailbox.put_line(up=up)
        assert (mailbox.ticker, mailbox.mark, mailbox.market_up) == (None, None, up)


async def test_news_are_taken_once_in_order() -> None:
    mailbox = Mailbox()
    for name in "abc":
        mailbox.put(answer(name))
    assert list(mailbox.take()) == [answer("a"), answer("b"), answer("c")]
    assert list(mailbox.take()) == []


async def test_what_comes_after_a_piece_that_its_reader_broke_on_stays() -> None:
    mailbox = Mailbox()
    mailbox.put(Crash(ValueError("ours")))
    mailbox.put(answer("a"))

    def read() -> None:
        for news in mailbox.take():
            assert isinstance(news, Answer)

    with pytest.raises(AssertionError):
        read()
    assert list(mailbox.take()) == [answer("a")]


def test_whatever_is_put_wakes_whoever_waits_and_what_came_before_does_too() -> None:
    async def scene() -> None:
        mailbox = Mailbox()
        puts = [
            lambda: mailbox.put_market(ticker(EPOCH_US)),
            lambda: mailbox.put_line(up=True),
            lambda: mailbox.put(answer("a")),
            mailbox.wake,
        ]
        for put in puts:
            list(mailbox.take())
            put()
            await mailbox.wait()
            list(mailbox.take())
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(mailbox.wait)
                await anyio.sleep(1)
                put()

    run_virtual(scene)
