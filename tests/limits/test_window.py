"""A token is held from its taking until a window after its settling, and nothing shortens that."""

from __future__ import annotations

import pytest

from exchange.limits.window import Window

SECOND = 1_000_000


def held(window: Window, now_us: int) -> int:
    window.advance(now_us)
    return window.used


@pytest.mark.parametrize(
    ("now_us", "expected"),
    [
        pytest.param(0, 1, id="sent"),
        pytest.param(50 * SECOND, 1, id="answered"),
        pytest.param(60 * SECOND, 1, id="a window after the sending it may have been counted later"),
        pytest.param(110 * SECOND, 1, id="a window after the answer, to the instant: both ends belong to a window"),
        pytest.param(110 * SECOND + 1, 0, id="past that it is back"),
    ],
)
def test_a_token_comes_back_a_window_after_its_answer(now_us: int, expected: int) -> None:
    window = Window(capacity=1, length_us=60 * SECOND)
    window.take(1)
    window.advance(min(now_us, 50 * SECOND))
    if now_us >= 50 * SECOND:
        window.settle(1)
    assert held(window, now_us) == expected


def test_an_unanswered_request_holds_its_token_for_ever() -> None:
    window = Window(capacity=1, length_us=SECOND)
    window.take(1)
    assert held(window, 10**15) == 1
    assert window.ready_us(1) is None


def test_what_was_not_sent_is_back_at_once() -> None:
    window = Window(capacity=2, length_us=SECOND)
    window.take(2)
    window.release(2)
    assert held(window, 0) == 0


def test_a_clock_that_steps_back_frees_nothing_early() -> None:
    window = Window(capacity=1, length_us=10 * SECOND)
    window.advance(100 * SECOND)
    window.take(1)
    window.advance(50 * SECOND)
    window.settle(1)
    assert held(window, 60 * SECOND + 1) == 1
    assert window.ready_us(1) == 110 * SECOND + 1
    assert held(window, 110 * SECOND + 1) == 0


@pytest.mark.parametrize(
    ("count", "keep", "expected"),
    [(1, 0, 0), (2, 0, 11), (3, 0, 21), (2, 1, 21), (3, 1, None), (4, 0, None)],
)
def test_ready_when_enough_has_come_back(count: int, keep: int, expected: int | None) -> None:
    window = Window(capacity=4, length_us=10)
    window.take(1)
    window.settle(1)
    window.advance(10)
    window.take(1)
    window.settle(1)
    window.take(1)
    # Of four: one free, one back at 11, one at 21, one unanswered.
    ready_us = window.ready_us(count, keep)
    assert ready_us == (10 if expected == 0 else expected)


def test_tokens_settled_together_come_back_together() -> None:
    window = Window(capacity=1000, length_us=10)
    for _ in range(1000):
        window.take(1)
        window.settle(1)
    assert window.ready_us(1000) == 11
    assert (window.peak, held(window, 11), window.freed) == (1000, 0, 1000)
