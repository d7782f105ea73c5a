from __future__ import annotations

from random import Random

from exchange.aster.backoff import LONGEST_S, Backoff


def test_pauses_grow_to_the_longest_and_no_further() -> None:
    ceilings = (0.5, 1.0, 2.0, 4.0, LONGEST_S, LONGEST_S, LONGEST_S)
    for seed in range(200):
        backoff = Backoff(Random(seed))
        assert all(0 <= backoff.next_s() <= ceiling for ceiling in ceilings)


def test_what_was_mended_begins_with_short_pauses_again() -> None:
    backoff = Backoff(Random(1))
    for _ in range(5):
        backoff.next_s()
    backoff.reset()
    assert backoff.next_s() <= 0.5


def test_many_do_not_come_back_at_once() -> None:
    backoffs = [Backoff(Random(seed)) for seed in range(100)]
    firsts = [[backoff.next_s() for _ in range(5)][-1] for backoff in backoffs]
    assert sum(first < LONGEST_S / 2 for first in firsts) in range(30, 70)
