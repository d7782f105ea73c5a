"""Whatever stands in a fleet file, it loads or it is a ConfigError with places inside the text."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from fleet.config.faults import ConfigError, Fault
from fleet.config.loader import parse

SEED = """\
fleet: tokyo-1
venue: paper
paper: {feed: {replay: ./x, speed: 1.0}, seed: 7, balance: {USDT: 10000}}
budget: {policy: value, weights: {too_close: 2, waiting: 20s}}
dead_man: {timeout: 2m, share: 0.25}
control: {host: 127.0.0.1, port: 8787}
defaults:
  strategy: ping_pong
  buy_spread: 0.6%
  sell_spread: "60bps"
  balance_fraction: ${FRACTION:-0.2}
symbols:
  ASTERUSDT: {buy_spread: 20bps, refresh_interval: 500ms}
  BNBUSDT:
    leverage: 2
"""
PIECES = st.sampled_from(
    [
        *[
            "\n",
            "  ",
            "- ",
            ": ",
            "{",
            "}",
            "[",
            "]",
            ",",
            "'",
            '"',
            "#",
            "&a ",
            "*a",
            "!!int ",
            "!x ",
            "? ",
            "| ",
            "> ",
            "%",
            "---\n",
        ],
        *[
            "fleet",
            "venue",
            "paper",
            "defaults",
            "symbols",
            "buy_spread",
            "leverage",
            "<<",
            "null",
            "~",
            "true",
            "1e999999999",
        ],
        *[
            "0x10",
            "1:30",
            "2001-01-01",
            "9" * 5000,
            ".inf",
            ".nan",
            "${",
            "${A}",
            "${A:-1}",
            "\t",
            "\x00",
            "\x85",
            "\u2028",
        ],
        *[
            "\ud800",
            "\ufeff",
            "\\",
            '"\\U99999999"',
            "%YAML 99999999999999999999.1\n",
            "0.6%",
            "-0",
            "1_000",
            "=",
            "é",
            "币",
        ],
    ]
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=60).map("".join))


def found_in(text: str) -> tuple[Fault, ...]:
    try:
        parse(text, "f", {"A": "\udcff", "FRACTION": "1"})
    except ConfigError as error:
        return error.faults or (Fault("f", 0, 0, "no fault", ""),)
    return ()


def check(text: str) -> None:
    lines = len(text.splitlines()) + 1
    for fault in found_in(text):
        assert 1 <= fault.line <= lines
        assert fault.column >= 1
        assert fault.what
        assert fault.right
        assert "\n" not in str(fault)


@given(TEXTS)
def test_any_text(text: str) -> None:
    check(text)


@given(st.integers(0, len(SEED)), st.integers(0, 12), TEXTS)
def test_a_good_file_with_something_cut_and_something_put_in(start: int, length: int, inserted: str) -> None:
    check(SEED[:start] + inserted + SEED[start + length :])


@given(st.permutations(SEED.splitlines(keepends=True)), st.integers(1, 13))
def test_a_good_file_with_its_lines_shuffled(lines: list[str], kept: int) -> None:
    check("".join(lines[:kept]))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=12,
    ),
    st.sampled_from(
        [
            "fleet",
            "venue",
            "paper",
            "budget",
            "control",
            "logging",
            "defaults",
            "symbols",
            "    leverage",
            "    buy_spread",
            "    entry",
            "    strategy",
            "    refresh_interval",
            "  XUSDT",
        ]
    ),
)
def test_a_good_file_with_any_value_at_any_key(value: object, key: str) -> None:
    check(SEED + f"{key}: {json.dumps(value)}\n")
    kept = [line for line in SEED.splitlines(keepends=True) if not line.startswith(f"{key}:")]
    check("".join(kept) + f"{key}: {json.dumps(value)}\n")
