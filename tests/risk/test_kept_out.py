"""Limits that keep a symbol out of the market: what is so each second -> when it is told."""

from __future__ import annotations

import pytest

from fleet.risk.kept_out import PATIENCE_US, KeptOut

OUT, IN, IDLE = (True, False), (True, True), (False, False)
"""(limits refuse a quote, limits let one stand)"""
S = PATIENCE_US // 1_000_000


@pytest.mark.parametrize(
    ("seconds", "told_at_s"),
    [
        ([OUT] * S, []),
        ([OUT] * (S + 1), [S]),
        ([OUT] * S * 10, [S]),
        ([OUT] * S + [IDLE] + [OUT] * S, []),  # no quote was wanted: the time begins anew
        ([OUT] * S + [IN] + [OUT] * S, []),
        ([IN] * S * 2, []),  # one side stands
        ([OUT] * S * 2 + [IDLE] + [OUT] * S * 2, [S]),
        ([OUT] * S * 2 + [IN] + [OUT] * S * 2, [S, S * 3 + 1]),
    ],
)
def test_it_is_told_once_until_a_quote_is_let_stand_again(
    seconds: list[tuple[bool, bool]], told_at_s: list[int]
) -> None:
    kept_out = KeptOut()
    told = [
        at_s
        for at_s, (is_refused, is_let) in enumerate(seconds)
        if kept_out.see(is_refused=is_refused, is_let=is_let, now_us=at_s * 1_000_000)
    ]
    assert told == told_at_s
