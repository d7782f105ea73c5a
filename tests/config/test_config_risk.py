"""The risk keys of a fleet file: what they default to, and what is said where they are wrong."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fleet.config.diff import diff
from fleet.config.faults import ConfigError
from fleet.config.loader import parse
from fleet.config.models import FleetConfig
from fleet.config.risk import MaxFills, Mmp, Risk

GOOD = """\
fleet: a
venue: paper
defaults: {buy_spread: 1%, sell_spread: 1%, balance_fraction: 0.1, max_order_usd: 100, max_fills: {count: 5}}
symbols:
  XU: {max_order_usd: 50, max_position_usd: 80.5, mmp: {window: 5s, frozen: 0, quantity: 10}}
  YU: {max_fills: null}
"""

NO_LIMIT = "mmp has no limit and protects from nothing: quantity, value or delta above 0, or mmp: null"


def read(text: str = GOOD) -> FleetConfig:
    return parse(text, "f", {}).config


def test_what_is_not_named_is_no_limit() -> None:
    config = read("fleet: a\nvenue: paper\nsymbols: {XU: {buy_spread: 1%, sell_spread: 1%, balance_fraction: 0.1}}\n")
    assert config.risk == Risk(
        max_position_usd=None, max_open_usd=None, daily_loss_usd=None, drawdown_usd=None, on_loss="pull"
    )
    symbol = config.symbols["XU"]
    assert (symbol.max_order_usd, symbol.max_open_usd, symbol.max_position_usd) == (None, None, None)
    assert (symbol.max_fills, symbol.mmp) == (None, None)


def test_a_symbols_own_keys_go_before_the_defaults() -> None:
    x, y = read().symbols.values()
    assert (x.max_order_usd, y.max_order_usd, x.max_position_usd) == (50, 100, Decimal("80.5"))
    assert x.max_fills == MaxFills.model_validate({"count": 5, "per": "10s", "pause": "30s"})
    assert y.max_fills is None
    assert x.mmp == Mmp.model_validate({"window": "5s", "frozen": 0, "quantity": 10})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("risk: {max_positon_usd: 1}", "f:7:8: unknown key max_positon_usd: did you mean max_position_usd?"),
        ("risk: {daily_loss_usd: 0}", "f:7:24: daily_loss_usd 0 is out of bounds: more than 0"),
        ("risk: {daily_loss_usd: -5}", "f:7:24: daily_loss_usd -5 is out of bounds: more than 0"),
        ("risk: {daily_loss_usd: much}", "f:7:24: daily_loss_usd much is no number: a number such as 15"),
        ("risk: {on_loss: stop}", "f:7:17: on_loss stop is not known: one of pull, close"),
        ("risk: 5", "f:7:7: risk 5 is no mapping: keys and values"),
        ("  ZU: {max_fills: {counts: 3}}", "f:7:20: unknown key counts: did you mean count?"),
        ("  ZU: {max_fills: {per: 10s}}", "f:7:8: count is missing: write count: ... here or under defaults"),
        (
            "  ZU: {max_fills: {count: 3, pause: 1ms}}",
            "f:7:37: pause 1ms is out of bounds: a duration from 100ms to 24h",
        ),
        ("  ZU: {max_fills: {count: 0}}", "f:7:27: count 0 is out of bounds: at least 1"),
        ("  ZU: {mmp: {value: 1.5}}", "f:7:21: value 1.5 is no whole number: a whole number such as 10"),
        ("  ZU: {mmp: {}}", f"f:7:8: {NO_LIMIT}"),
        ("  ZU: {mmp: {window: 5s, quantity: 0, value: 0}}", f"f:7:8: {NO_LIMIT}"),
        ("  ZU: {max_order_usd: ten}", "f:7:23: max_order_usd ten is no number: a number such as 15"),
    ],
)
def test_faults_say_where_and_what_would_be_right(line: str, expected: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(GOOD + line + "\n")
    assert [str(fault) for fault in raised.value.faults] == [expected]


def test_limits_can_change_while_the_fleet_runs() -> None:
    change = diff(read(), read(GOOD + "risk: {daily_loss_usd: 5}\n"))
    assert (change.settings, change.refused, change.changed) == (("risk",), [], {})
