"""The shipped fleet files, their schema, and the starter file agree with the loader."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from jsonschema import Draft202012Validator

from fleet.config.faults import ConfigError
from fleet.config.loader import parse
from fleet.config.models import SymbolConfig
from fleet.config.schema import fleet_schema, fleet_schema_text
from fleet.config.starter import SCHEMA_NAME, starter_text, write_starter
from fleet.config.venue_check import promises
from fleet.config.wording import file_keys
from strategies.registry import STRATEGIES

ROOT = Path(__file__).parents[2]
SHIPPED = [ROOT / "fleet.yaml", *sorted((ROOT / "configs").glob("*.yaml")), ROOT / "fleet/config/starter.yaml"]
GOOD = "fleet: a\nvenue: paper\nsymbols: {XUSDT: {buy_spread: 1%, sell_spread: 1%, balance_fraction: 0.1}}\n"


def schema_accepts(text: str) -> bool:
    validator = cast("Any", Draft202012Validator(fleet_schema()))
    return bool(validator.is_valid(yaml.safe_load(text)))


def loader_accepts(text: str) -> bool:
    try:
        parse(text, "f", {})
    except ConfigError:
        return False
    return True


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(fleet_schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_file_is_good_and_promises_what_it_can_keep(path: Path) -> None:
    text = path.read_text("utf-8")
    assert promises(parse(text, path.name, {})) == []
    assert schema_accepts(text)
    assert text.startswith("# yaml-language-server: $schema=")


def test_the_shipped_schema_is_what_the_command_prints() -> None:
    assert (ROOT / "configs" / SCHEMA_NAME).read_text("utf-8") == fleet_schema_text()


def test_the_shipped_fleet_has_at_least_eight_different_markets() -> None:
    symbols = parse((ROOT / "fleet.yaml").read_text("utf-8"), "fleet.yaml", {}).config.symbols
    assert len(symbols) >= 8
    assert len({config.model_copy(update={"symbol": ""}).model_dump_json() for config in symbols.values()}) >= 5


@pytest.mark.parametrize(
    "line",
    [
        "control: null",
        "control: {port: 0}",
        "paper: {feed: {replay: x}, seed: 1, balance: {USDT: 10000, USDF: 0.5}}",
        "paper: {feed: synthetic}",
        "defaults:",
        "defaults: {leverage: 3, entry: long, refresh_interval: 500ms, stale_after: 2, buy_spread: 60bps}",
        "defaults: {price_change_threshold: 0.1%, max_mark_deviation: 0.02, on_remove: close}",
        "logging: {level: error, file: null}",
        "logging: {level: error, file: x.log}",
        "budget: {safety: 80%}",
        "budget: {policy: fair, weights: {too_close: 3, too_far: 0.5, size: 0, volatility: 2, waiting: 1m}}",
        "budget: {weights: {too_close: '${CLOSE:-3}', waiting: 5}}",
        "dead_man: null",
        "dead_man:",
        "dead_man: {timeout: 5m, share: 10%}",
        "defaults: {priority: 2.5}",
        "budget: {safety: '${SAFETY:-0.8}'}",
        "control: {port: '${PORT:-1}'}",
    ],
)
def test_loader_and_schema_accept_the_same(line: str) -> None:
    assert loader_accepts(GOOD + line)
    assert schema_accepts(GOOD + line)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        GOOD.replace("venue: paper", "venue: papr"),
        GOOD.replace("venue: paper", "venue: {rest: 'http://x'}"),
        GOOD.replace("fleet: a", "fleet: A"),
        GOOD.replace("1%", "1 percent"),
        GOOD.replace("buy_spread", "buy_spred"),
        "fleet: a\nvenue: paper\nsymbols: {}",
        GOOD + "sym: 1",
        GOOD + "paper: {sed: 1}",
        GOOD + "paper: {feed: {repla: x}}",
        GOOD + "defaults: {leverage: 126}",
        GOOD + "defaults: {strategy: pong}",
        GOOD + "defaults: {entry: up}",
        GOOD + "defaults: {refresh_interval: 5 eons}",
        GOOD + "defaults: {parameters: {}}",
        GOOD + "control: {port: 65536}",
        GOOD + "logging: {level: inf}",
        GOOD + "budget: {safety: lots}",
        GOOD + "budget: {policy: best}",
        GOOD + "budget: {weights: {too_close: true}}",
        GOOD + "budget: {weights: {too_close: 0}}",
        GOOD + "budget: {weights: {size: 5}}",
        GOOD + "dead_man: {time: 1m}",
        GOOD + "dead_man: true",
        GOOD + "defaults: {priority: true}",
        GOOD + "defaults: {priority: 11}",
    ],
)
def test_loader_and_schema_refuse_the_same(text: str) -> None:
    assert not loader_accepts(text)
    assert not schema_accepts(text)


def test_defaults_of_durations_are_spelled_as_the_file_writes_them() -> None:
    """There a plain number is seconds."""
    spelled = {
        f"{name}.{key}": value["default"]
        for name, definition in fleet_schema()["$defs"].items()
        for key, value in definition["properties"].items()
        if "500ms" in value.get("examples", ()) and value.get("default") is not None
    }
    assert spelled["Weights.waiting"] == "20s"
    assert [name for name, default in spelled.items() if isinstance(default, int)] == []


def test_every_key_has_a_description() -> None:
    schema = fleet_schema()
    for name, definition in [*schema["$defs"].items(), ("the file", schema)]:
        for key, value in definition["properties"].items():
            described = value.get("description") or schema["$defs"][value["$ref"].rsplit("/", 1)[-1]]["description"]
            assert described, f"{name}.{key}"


def test_no_strategy_parameter_is_called_like_a_common_key() -> None:
    for kind in STRATEGIES.values():
        assert not set(file_keys(kind.parameters)) & set(file_keys(SymbolConfig)), kind.name


def test_the_starter_file_is_written_with_its_schema_and_never_over_another(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    assert write_starter(path) == [path, tmp_path / SCHEMA_NAME]
    assert path.read_text("utf-8") == starter_text()
    assert (tmp_path / SCHEMA_NAME).read_text("utf-8") == fleet_schema_text()
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError):
        write_starter(path)
    assert path.read_text("utf-8") == "mine"
    assert write_starter(tmp_path / "other.yaml") == [tmp_path / "other.yaml"]
