from __future__ import annotations

import pytest

from fleet.config.diff import diff
from fleet.config.loader import parse
from fleet.config.models import FleetConfig

BASE = "fleet: a\nvenue: paper\ndefaults: {buy_spread: 1%, sell_spread: 1%, balance_fraction: 0.1}\n"


def fleet(symbols: str = "AUSDT: {}, BUSDT: {}", more: str = "", base: str = BASE) -> FleetConfig:
    return parse(f"{base}symbols: {{{symbols}}}\n{more}", "f", {}).config


def test_the_same_fleet_is_no_change() -> None:
    assert diff(fleet(), fleet()).is_empty


def test_the_order_and_the_spelling_of_symbols_is_no_change() -> None:
    assert diff(fleet(), fleet("BUSDT: {}, AUSDT: {buy_spread: 100bps}")).is_empty


def test_symbols_are_added_removed_and_changed() -> None:
    old, new = fleet("AUSDT: {}, BUSDT: {}, CUSDT: {}"), fleet("CUSDT: {}, BUSDT: {leverage: 2}, DUSDT: {}")
    change = diff(old, new)
    assert change.added == {"DUSDT": new.symbols["DUSDT"]}
    assert change.removed == {"AUSDT": old.symbols["AUSDT"]}
    assert change.changed == {"BUSDT": (old.symbols["BUSDT"], new.symbols["BUSDT"])}
    assert change.refused == []


def test_a_changed_default_changes_the_symbols_that_take_it() -> None:
    new = fleet("AUSDT: {}, BUSDT: {buy_spread: 1%}", base=BASE.replace("buy_spread: 1%", "buy_spread: 2%"))
    assert list(diff(fleet(), new).changed) == ["AUSDT"]


@pytest.mark.parametrize(
    ("more", "settings"),
    [
        ("budget: {safety: 0.5}", ("budget",)),
        ("budget: {policy: fair, weights: {waiting: 1m}}", ("budget",)),
        ("dead_man: {timeout: 5m}", ("dead_man",)),
        ("dead_man: null", ("dead_man",)),
        ("budget: {policy: value, weights: {waiting: 20s}}\ndead_man: {share: 25%}", ()),
        ("logging: {level: error}", ("logging",)),
    ],
)
def test_other_settings_change_live(more: str, settings: tuple[str, ...]) -> None:
    change = diff(fleet(), fleet(more=more))
    assert (change.settings, change.refused) == (settings, [])


@pytest.mark.parametrize(
    ("base", "more", "refused"),
    [
        (BASE.replace("fleet: a", "fleet: b"), "", "fleet cannot change while the fleet runs"),
        (BASE.replace("venue: paper", "venue: testnet"), "", "venue cannot change while the fleet runs"),
        (BASE, "paper: {seed: 8}", "paper cannot change while the fleet runs"),
        (BASE, "control: {port: 1}", "control cannot change while the fleet runs"),
        (BASE, "control: null", "control cannot change while the fleet runs"),
    ],
)
def test_what_cannot_change_live_is_refused_with_a_reason(base: str, more: str, refused: str) -> None:
    (message,) = diff(fleet(), fleet(base=base, more=more)).refused
    assert message.startswith(refused)
    assert "stop it and start it again" in message


def test_the_paper_exchange_may_change_while_it_is_not_in_use() -> None:
    base = BASE.replace("paper", "testnet")
    assert diff(fleet(base=base), fleet(base=base, more="paper: {seed: 8}")).is_empty
