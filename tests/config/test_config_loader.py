from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from fleet.config.faults import ConfigError
from fleet.config.loader import Loaded, load, parse
from fleet.config.models import Replay, VenueAddress
from strategies.ping_pong import PingPongParameters

GOOD = """\
fleet: tokyo-1
venue: paper
defaults:
  buy_spread: 0.6%
  sell_spread: 60bps
  balance_fraction: 0.2
  refresh_interval: 1s
symbols:
  ASTERUSDT: {buy_spread: 20bps, refresh_interval: 500ms}
  BNBUSDT: {balance_fraction: 0.1, leverage: 2, entry: long}
  ETHUSDT:
"""


def read(text: str, env: Mapping[str, str] | None = None) -> Loaded:
    return parse(text, "fleet.yaml", env or {})


def faults(text: str, env: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        read(text, env)
    return [str(fault) for fault in raised.value.faults]


def with_line(line: str) -> str:
    """GOOD with one more line at its end, the twelfth."""
    return GOOD + line + "\n"


def test_defaults_are_merged_under_each_symbol() -> None:
    symbols = read(GOOD).config.symbols
    assert list(symbols) == ["ASTERUSDT", "BNBUSDT", "ETHUSDT"]
    aster, bnb, eth = symbols.values()
    assert isinstance(aster.parameters, PingPongParameters)
    assert isinstance(bnb.parameters, PingPongParameters)
    assert isinstance(eth.parameters, PingPongParameters)
    assert (aster.parameters.buy_spread, aster.parameters.sell_spread) == (Decimal("0.002"), Decimal("0.006"))
    assert (aster.refresh_interval_ms, bnb.refresh_interval_ms) == (500, 1000)
    assert (bnb.balance_fraction, bnb.leverage, bnb.parameters.entry) == (Decimal("0.1"), 2, "long")
    assert (eth.balance_fraction, eth.leverage, eth.parameters.entry) == (Decimal("0.2"), 1, "both")


def test_what_the_file_leaves_out_has_a_default() -> None:
    config = read(GOOD).config
    assert config.paper.feed == "synthetic"
    assert config.paper.seed == 7
    assert config.paper.balance == {"USDT": 10000}
    assert config.budget.safety == Decimal("0.9")
    assert config.control is not None
    assert (config.control.host, config.control.port) == ("127.0.0.1", 8787)
    assert (config.logging.level, config.logging.file) == ("info", None)
    eth = config.symbols["ETHUSDT"]
    assert (eth.strategy, eth.on_remove, eth.stale_after_ms, eth.max_mark_deviation) == (
        "ping_pong",
        "keep",
        3000,
        Decimal("0.01"),
    )


def test_control_can_be_switched_off() -> None:
    assert read(with_line("control: null")).config.control is None


def test_a_venue_can_be_an_address() -> None:
    text = GOOD.replace("venue: paper", "venue: {rest: 'http://x:1', stream: 'ws://x:1', chain_id: 7}")
    assert read(text).config.venue == VenueAddress(rest="http://x:1", stream="ws://x:1", chain_id=7)


def test_decimals_are_read_exactly() -> None:
    text = GOOD.replace("balance_fraction: 0.2", "balance_fraction: 0.1234567890123456789")
    assert read(text).config.symbols["ETHUSDT"].balance_fraction == Decimal("0.1234567890123456789")


def test_variables_are_filled_in_before_values_get_their_types() -> None:
    text = GOOD.replace("leverage: 2", "leverage: '${LEVERAGE}'").replace("0.6%", "${SPREAD:-40bps}")
    config = read(text, {"LEVERAGE": "3"}).config
    parameters = config.symbols["ETHUSDT"].parameters
    assert isinstance(parameters, PingPongParameters)
    assert (config.symbols["BNBUSDT"].leverage, parameters.buy_spread) == (3, Decimal("0.004"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (with_line("    leverag: 2"), "12:5: unknown key leverag: did you mean leverage?"),
        (with_line("    sell_sprea: 2%"), "12:5: unknown key sell_sprea: did you mean sell_spread?"),
        (with_line("    LEVERAGE: 2"), "12:5: unknown key LEVERAGE: did you mean leverage?"),
        (
            with_line("    refresh_interval_ms: 500"),
            "12:5: unknown key refresh_interval_ms: did you mean refresh_interval?",
        ),
        (with_line("    symbol: X"), "12:5: unknown key symbol: one of strategy, balance_fraction, leverage,"),
        (with_line("budgett: {}"), "12:1: unknown key budgett: did you mean budget?"),
        (with_line("default: {}"), "12:1: unknown key default: did you mean defaults?"),
        (with_line("paper: {sed: 8}"), "12:9: unknown key sed: did you mean seed?"),
        (with_line("paper: {feed: {replay: a, spede: 1}}"), "12:27: unknown key spede: did you mean speed?"),
        (with_line("    strategy: pingpong"), "12:15: unknown strategy pingpong: did you mean ping_pong?"),
        (with_line("    buy_spread: 0.6x"), "12:17: buy_spread 0.6x is no fraction: a fraction such as 0.006, 0.6%"),
        (with_line("    buy_spread: 0"), "12:17: buy_spread 0 is out of bounds: a fraction above 0 and below 1"),
        (
            with_line("    balance_fraction: 2"),
            "12:23: balance_fraction 2 is out of bounds: a fraction above 0 up to 1",
        ),
        (
            with_line("    refresh_interval: 5 eons"),
            "12:23: refresh_interval 5 eons is no duration: a duration such as",
        ),
        (with_line("    stale_after: 1s"), "12:18: stale_after 1s is out of bounds: a duration from 1500ms to 1h"),
        (with_line("    leverage: 126"), "12:15: leverage 126 is out of bounds: at most 125"),
        (with_line("    leverage: 1.5"), "12:15: leverage 1.5 is no whole number: a whole number such as 10"),
        (with_line("    leverage: true"), "12:15: leverage true is no whole number: a whole number such as 10"),
        (with_line("    entry: lnog"), "12:12: entry lnog is not known: did you mean long?"),
        (with_line("    on_remove: [keep]"), "12:5: on_remove a collection is not known: one of keep, close"),
        (with_line("    position_threshold_usd: -1"), "12:29: position_threshold_usd -1 is out of bounds: at least 0"),
        (with_line("    leverage: 2\n    leverage: 3"), "13:5: leverage stands twice: once; it is first on line 12"),
        (with_line("  BTCUSDT: 5"), "12:12: BTCUSDT is no mapping: {} for the defaults"),
        (with_line("  a/b: {}"), "12:3: symbol a/b is malformed: an exchange symbol such as ASTERUSDT"),
        (with_line("control: off"), "12:10: control off is no mapping: {host: 127.0.0.1, port: 8787}, or null"),
        (with_line("control: {port: 65536}"), "12:17: port 65536 is out of bounds: at most 65535"),
        (with_line("logging: {level: inf}"), "12:18: level inf is not known: did you mean info?"),
        (with_line("budget: {policy: vale}"), "12:18: policy vale is not known: did you mean value?"),
        (with_line("budget: {policy: true}"), "12:18: policy true is not known: one of value, fair, fifo"),
        (with_line("budget: {wights: {}}"), "12:10: unknown key wights: did you mean weights?"),
        (with_line("budget: {weights: 3}"), "12:19: weights 3 is no mapping: keys and values"),
        (with_line("budget: {weights: {too_clse: 2}}"), "12:20: unknown key too_clse: did you mean too_close?"),
        (with_line("budget: {weights: {too_far: true}}"), "12:29: too_far true is no number: a number such as 1.5"),
        (with_line("budget: {weights: {too_far: two}}"), "12:29: too_far two is no number: a number such as 1.5"),
        (with_line("budget: {weights: {too_far: .inf}}"), "12:29: too_far .inf is no number: a number such as 1.5"),
        (with_line("budget: {weights: {too_far: 0}}"), "12:29: too_far 0 is out of bounds: more than 0"),
        (with_line("budget: {weights: {size: 5}}"), "12:26: size 5 is out of bounds: at most 4"),
        (with_line("budget: {weights: {waiting: 0}}"), "12:29: waiting 0 is out of bounds: a duration from 1s to 1h"),
        (with_line("budget: {weights: {waiting: true}}"), "12:29: waiting true is no duration: a duration such as"),
        (with_line("    priority: true"), "12:15: priority true is no number: a number such as 1.5"),
        (with_line("    priority: high"), "12:15: priority high is no number: a number such as 1.5"),
        (with_line("    priority: 0"), "12:15: priority 0 is out of bounds: at least 0.1"),
        (with_line("    prioriti: 2"), "12:5: unknown key prioriti: did you mean priority?"),
        (with_line("dead_mann: null"), "12:1: unknown key dead_mann: did you mean dead_man?"),
        (with_line("dead_man: {timeot: 1m}"), "12:12: unknown key timeot: did you mean timeout?"),
        (with_line("dead_man: {timeout: 5s}"), "12:21: timeout 5s is out of bounds: a duration from 10s to 1h"),
        (with_line("dead_man: {share: 0}"), "12:19: share 0 is out of bounds: a fraction above 0 up to 1"),
        (with_line("dead_man: 30s"), "12:11: dead_man 30s is no mapping: {timeout: 2m, share: 0.25}, or null to"),
        (with_line("paper: {feed: {replay: a, speed: true}}"), "12:34: speed true is no number: a number such as 1.5"),
        (with_line("budget: {safety: 1.1}"), "12:18: safety 1.1 is out of bounds: a fraction above 0 up to 1"),
        (with_line("paper: {balance: {USDT: lots}}"), "12:25: USDT lots is no number: a number such as 15"),
        (with_line("paper: {balance: {USDT: .nan}}"), "12:25: USDT .nan is "),
        (with_line("    leverage: ${NOT_SET}"), "12:15: environment variable NOT_SET is not set: set it, or write"),
        (with_line("    leverage: ${oh no}"), "12:15: ${ does not begin a variable: ${NAME} or ${NAME:-default}"),
        (
            with_line("    leverage: !!python/name:os.system x"),
            "12:15: tag tag:yaml.org,2002:python/name:os.system is not",
        ),
        (with_line("    ? [a]\n    : b"), "12:7: a key that is no plain word: key: value"),
        (GOOD.replace("tokyo-1", "Tokyo 1"), "1:8: fleet Tokyo 1 is malformed: 1 to 12 of the characters"),
        (GOOD.replace("venue: paper", "venue: papr"), "2:8: venue papr is not known: did you mean paper?"),
        (
            GOOD.replace("venue: paper", "venue: 5"),
            "2:8: venue 5 is neither a name nor a mapping: paper, testnet, mainnet",
        ),
        (GOOD.replace("venue: paper", "venue: {rest: x}"), "2:15: rest x is malformed: http:// or https:// and a host"),
        (GOOD.replace("venue: paper\n", ""), "1:1: venue is missing: venue: paper, testnet or mainnet"),
        (
            GOOD.replace("  sell_spread: 60bps\n", ""),
            "10:11: sell_spread is missing: write sell_spread: ... here or under def",
        ),
        (GOOD.replace("  sell_spread", "  sel_spread"), "5:3: unknown key sel_spread: did you mean sell_spread?"),
        (GOOD.replace("0.6%", "oops"), "4:15: buy_spread oops is no fraction: a fraction such as"),
        (GOOD[: GOOD.index("  ASTER")], "8:9: symbols (nothing) is no mapping: keys and values"),
        ("fleet: a\nvenue: paper\nsymbols: {}", "3:1: symbols is empty: symbols: and below it at least one, such as"),
        ("", "1:1: the file is empty: fleet:, venue: and symbols:"),
        ("# nothing\n", "1:1: the file is empty: fleet:, venue: and symbols:"),
        ("- a\n", "1:1: the file is no mapping: fleet:, venue: and symbols:"),
        ("fleet: [a\nvenue: b", "2:6: not YAML: "),
        ("a: {b: ${C}}", "1:9: not YAML: while parsing a flow mapping, expected"),
        ("a: b: c", "1:5: not YAML: mapping values are not allowed here"),
        ("fleet: a\n\tvenue: paper", "2:1: not YAML: "),
        ("fleet: \x01", "1:8: not YAML: a character that no YAML may hold"),
        ("a: &a [*a]", "1:4: too deep or too long: at most 12 levels"),
        pytest.param("[" * 5000, "1:13: not YAML: more than 12 levels", id="brackets"),
    ],
)
def test_a_fault_says_where_what_and_what_would_be_right(text: str, fault: str) -> None:
    assert any(found.startswith(f"fleet.yaml:{fault}") for found in faults(text)), faults(text)


def test_all_faults_come_at_once_in_the_order_of_the_file() -> None:
    found = faults("fleet: A!\nvenue: papr\nsymbols:\n  X1: {leverage: 500, entri: long, stale_after: 1}\nloging: {}\n")
    assert [line.split(" ")[0] for line in found] == [
        "fleet.yaml:1:8:",
        "fleet.yaml:2:8:",
        "fleet.yaml:4:3:",
        "fleet.yaml:4:3:",
        "fleet.yaml:4:3:",
        "fleet.yaml:4:18:",
        "fleet.yaml:4:23:",
        "fleet.yaml:4:49:",
        "fleet.yaml:5:1:",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (GOOD.replace("  sell_spread", "  sel_spread"), "5:3: unknown key sel_spread: did you mean sell_spread?"),
        (GOOD.replace("defaults:", "defualts:"), "3:1: unknown key defualts: did you mean defaults?"),
        (GOOD.replace("fleet:", "flet:"), "1:1: unknown key flet: did you mean fleet?"),
        (GOOD.replace("symbols:", "symbls:"), "8:1: unknown key symbls: did you mean symbols?"),
        (
            GOOD.replace("  sell_spread: 60bps\n", "").replace("{bal", "{sell_spread: 1%, bal").replace(
                "  ETHUSDT:", "  ETHUSDT: {sell_spread: 1%}"
            ).replace("{buy_spread: 20bps", "{sel_spread: 20bps"),
            "8:15: unknown key sel_spread: did you mean sell_spread?",
        ),
        (
            GOOD.replace("venue: paper", "venue: {rset: 'http://x', stream: 'ws://x', chain_id: 1}"),
            "2:9: unknown key rset: did you mean rest?",
        ),
    ],
    ids=["defaults' key", "defaults", "fleet", "symbols", "a symbol's key", "venue's key"],
)  # fmt: skip
def test_a_misspelt_key_is_not_told_as_missing_too(text: str, fault: str) -> None:
    assert faults(text) == [f"fleet.yaml:{fault}"]


def test_a_fault_in_defaults_is_told_once_and_where_it_stands() -> None:
    assert len(faults(GOOD.replace("balance_fraction: 0.2", "balance_fraction: 20"))) == 1


def test_a_faulty_default_that_every_symbol_overrides_is_told_too() -> None:
    text = "fleet: a\nvenue: paper\ndefaults: {buy_spread: x, sell_spread: 1%, balance_fraction: 1}\n"
    assert len(faults(text + "symbols: {AB: {buy_spread: 1%}}")) == 1


SECRET = "0x" + "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"[:64]


@pytest.mark.parametrize(
    "line",
    [
        f"api_key: {SECRET}",
        f"API_PRIVATE_KEY: {SECRET}",
        f"apiPrivateKey: [{SECRET}]",
        f"credentials: {{x: {SECRET}}}",
        f"secret: {SECRET}",
        f"password: {SECRET}",
        f"budget: {{safety: {SECRET}}}",
        f"logging: {{level: {SECRET}}}",
        f"{SECRET}: 1",
        "logging: {level: '${API_PRIVATE_KEY}'}",
        "logging: {level: '${HARMLESS}'}",
        f"logging: {{level: 'x{SECRET}'}}",
    ],
)
def test_credentials_in_the_file_are_refused_and_never_shown(line: str) -> None:
    found = "\n".join(faults(with_line(line), {"API_PRIVATE_KEY": SECRET, "HARMLESS": SECRET[:30]}))
    assert "fleet.yaml:12:" in found
    assert SECRET[4:30] not in found


def test_a_symbol_may_be_called_like_a_credential() -> None:
    assert "API3USDT" in read(with_line("  API3USDT: {}")).config.symbols


def test_locate_finds_values_their_defaults_and_what_is_around_them() -> None:
    loaded = read(GOOD)
    assert loaded.locate(("symbols", "ASTERUSDT", "buy_spread")) == (9, 27)
    assert loaded.locate(("symbols", "ASTERUSDT", "sell_spread")) == (5, 16)
    assert loaded.locate(("symbols", "ASTERUSDT", "parameters", "sell_spread")) == (5, 16)
    assert loaded.locate(("symbols", "ASTERUSDT", "on_remove")) == (9, 3)
    assert loaded.locate(("symbols", "ASTERUSDT")) == (9, 3)
    assert loaded.locate(("budget", "safety")) == (1, 1)


def test_the_digest_tells_texts_apart() -> None:
    assert read(GOOD).text_digest == read(GOOD).text_digest != read(GOOD + "#").text_digest


def test_a_recording_is_found_beside_the_fleet_file(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(GOOD + "paper: {feed: {replay: recorded}}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"fleet\.yaml:12:24: no recording at "):
        load(path, {})
    (tmp_path / "recorded").mkdir()
    assert load(path, {}).config.paper.feed == Replay(replay=tmp_path / "recorded")


def test_a_recording_that_is_not_there_is_told_with_the_way_to_make_one(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(GOOD + "paper: {feed: {replay: '${RECORDING:-none}'}}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"`astermm-fleet record ASTERUSDT BNBUSDT ETHUSDT --venue mainnet --out "):
        load(path, {})
    assert load(path, {"RECORDING": str(tmp_path)}).config.paper.feed == Replay(replay=tmp_path)


@pytest.mark.parametrize(
    ("file", "what"),
    [("nowhere/x.log", "would be in a directory that is not there"), ("", "is a directory")],
)
def test_a_log_file_that_cannot_be_written_is_a_fault(tmp_path: Path, file: str, what: str) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(GOOD + f"logging: {{file: {tmp_path / file}}}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"fleet\.yaml:12:17: log file .*{what}"):
        load(path, {})
    path.write_text(GOOD + f"logging: {{file: {tmp_path / 'x.log'}}}\n", encoding="utf-8")
    assert load(path, {}).config.logging.file == tmp_path / "x.log"
    assert not (tmp_path / "x.log").exists()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"fleet: a\nx: \xff", ":2:4: not UTF-8: a text saved in UTF-8"),
        (b"", ":1:1: the file is empty"),
        pytest.param(b" " * 262_145, ": 262145 bytes long: at most 262144 bytes", id="long"),
        (GOOD.encode("utf-16"), ":1:1: not UTF-8"),
    ],
)
def test_a_file_that_is_no_text_is_a_fault(tmp_path: Path, raw: bytes, message: str) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError) as raised:
        load(path, {})
    assert message in str(raised.value)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", os.linesep).encode())
    assert load(path, {}).config.fleet == "tokyo-1"


def test_an_unreadable_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: no such file or directory"):
        load(tmp_path / "none.yaml", {})
    with pytest.raises(ConfigError, match="cannot be read: is a directory"):
        load(tmp_path, {})
