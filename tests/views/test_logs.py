"""What is logged reaches people and machines in their own form, and secrets reach neither."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from fleet.views import logs

KEY = "0x4C0883A69102937D6231471B5DBB6204FE5129617082792AE468D01A3F362318"


@pytest.fixture(autouse=True)
def _fresh_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(logs, "_secrets", set[str]())
    root, handlers, level = logging.getLogger(), logging.getLogger().handlers[:], logging.getLogger().level
    yield
    logger.remove()
    logger.configure(patcher=lambda _: None)
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def crash(text: str) -> None:
    margin = 41 * 271
    try:
        raise ValueError(text)
    except ValueError:
        logger.bind(symbol="ETHUSDT").exception("worker crashed")
    assert margin


def test_a_line_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up()
    logger.bind(symbol="ETHUSDT").info("bought {} at {}", "0.5", "3100.1")
    logger.warning("no symbol here")
    logger.debug("not at this level")
    first, second = capsys.readouterr().err.splitlines()
    assert first[12:] == " INFO    ETHUSDT      bought 0.5 at 3100.1"
    assert second[12:] == " WARNING              no symbol here"


def test_a_file_that_cannot_be_opened_leaves_everything_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up(file=tmp_path / "first.log")
    with pytest.raises(IsADirectoryError):
        logs.expect_writable(tmp_path)
    with pytest.raises(IsADirectoryError):
        logs.set_up(file=tmp_path, level="error")
    logger.info("still here")
    assert "still here" in capsys.readouterr().err
    assert "still here" in (tmp_path / "first.log").read_text("utf-8")


def test_set_up_anew_no_line_is_doubled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(file=tmp_path / "x.log")
    logs.set_up(file=tmp_path / "x.log")
    logger.info("once")
    assert capsys.readouterr().err.count("once") == 1
    assert (tmp_path / "x.log").read_text("utf-8").count("once") == 1


def test_a_line_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(log_format="json")
    logger.bind(symbol="ETHUSDT", lots=5).info('with {braces} and <tags> and "quotes"')
    line = json.loads(capsys.readouterr().err)
    assert line.pop("ts") > 1.7e9
    assert line == {
        "level": "info",
        "symbol": "ETHUSDT",
        "message": 'with {braces} and <tags> and "quotes"',
        "lots": 5,
    }


def test_a_crash_is_one_line_for_people_and_a_traceback_without_values_in_the_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    logs.set_up(file=tmp_path / "fleet.log")
    crash("{what} <happened>")
    logger.remove()
    (shown,) = capsys.readouterr().err.splitlines()
    assert shown.endswith("ERROR   ETHUSDT      worker crashed (ValueError: {what} <happened>)")
    kept = (tmp_path / "fleet.log").read_text()
    assert "Traceback (most recent call last)" in kept
    assert str(41 * 271) not in kept


def test_a_group_is_told_by_its_members() -> None:
    group = ExceptionGroup("unhandled errors", [ValueError("one"), ExceptionGroup("in", [KeyError("two"), OSError()])])
    assert logs.describe(group) == "ValueError: one; KeyError: 'two'; OSError"


@pytest.mark.parametrize("shown", [KEY, KEY.lower(), KEY.swapcase(), KEY.removeprefix("0x").upper()])
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_secret_stands_nowhere(
    shown: str, log_format: logs.LogFormat, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    events = logs.EventLog()
    logs.set_up(log_format=log_format, file=tmp_path / "fleet.log", events=events)
    logs.register_secret(KEY)
    logger.info("signing with {}", shown)
    logger.bind(symbol=shown, key={"nested": shown}).info("bound")
    crash(f"bad key {shown}")
    logging.getLogger("library").warning("library says %s", shown)
    logger.remove()
    said = capsys.readouterr().err + (tmp_path / "fleet.log").read_text() + repr(events.lines())
    assert logs.REDACTED in said
    assert KEY.removeprefix("0x").lower() not in said.lower()


def test_short_values_are_no_secrets() -> None:
    logs.register_secret("")
    logs.register_secret("info")
    assert logs.redact("info, and nothing else") == "info, and nothing else"


def test_of_overlapping_secrets_none_is_left_in_part() -> None:
    logs.register_secret("abcdefgh")
    logs.register_secret("abcdefgh-ijklmnop")
    assert logs.redact("<abcdefgh-ijklmnop>") == f"<{logs.REDACTED}>"


def test_under_the_terminal_view_stderr_stays_clear(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    events = logs.EventLog(capacity=2)
    logs.set_up(on_screen=False, file=tmp_path / "fleet.log", events=events)
    for n in range(3):
        logger.bind(symbol="ETHUSDT").info("line {}", n)
    logging.getLogger("websockets").error("library line")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn("old habit", UserWarning, stacklevel=1)
    logger.remove()
    assert capsys.readouterr().err == ""
    assert [(e.level, e.symbol) for e in events.lines()] == [("ERROR", None), ("WARNING", None)]
    kept = (tmp_path / "fleet.log").read_text()
    assert all(text in kept for text in ("line 0", "line 2", "websockets: library line", "old habit"))


def test_libraries_chatter_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(level="debug")
    logging.getLogger("httpx").info("GET https://venue/order?signature=secret")
    assert capsys.readouterr().err == ""
