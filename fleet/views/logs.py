"""What the fleet says while it runs: lines for people, JSON lines for machines, the last few for the event panel.

Owns: the logging set-up of the process and the rule that no secret leaves it. Must not know: who logs what.
Times are UTC everywhere, so that a line here can be found in the venue's own records.

Every record passes `_prepare` before any sink sees it: it redacts, and turns an exception into words, so that no sink
can leak what another hides. Tracebacks never show values of variables, and reach only the file and the JSON lines.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import msgspec
from loguru import logger

from fleet.control.state import EventLine
from fleet.words import one_line

if TYPE_CHECKING:
    from loguru import Message, Record

LogFormat = Literal["text", "json"]

REDACTED = "[redacted]"
SHORTEST_SECRET = 6
"""Shorter values are words that happen to be configured, and would blot out half of every line."""

LINE = "<dim>{time:HH:mm:ss.SSS!UTC}</dim> <level>{level: <7}</level> {extra[_symbol]: <12} {message}{extra[_cause]}\n"
FILE_LINE = (
    "{time:YYYY-MM-DD HH:mm:ss.SSS!UTC}Z {level: <7} {extra[_symbol]: <12} {message}{extra[_cause]}{extra[_trace]}\n"
)

_secrets: set[str] = set()
_sinks: list[int] = [0]
"""Where lines go now; 0 is loguru's own first sink."""


def register_secret(value: str) -> None:
    """From now on `value`, with or without 0x and in any case, stands in no line."""
    bare = value.strip().removeprefix("0x")
    if len(bare) >= SHORTEST_SECRET:
        _secrets.add(bare)


def redact(text: str) -> str:
    # Longest first: a secret that contains another must not be left in part.
    for secret in sorted(_secrets, key=len, reverse=True):
        text = re.sub(re.escape(secret), REDACTED, text, flags=re.IGNORECASE)
    return text


class EventLog:
    """The newest lines, for the terminal view's panel and `/v1/state`; the oldest go when it is full."""

    def __init__(self, capacity: int = 100) -> None:
        self._lines: deque[EventLine] = deque(maxlen=capacity)

    def lines(self) -> tuple[EventLine, ...]:
        return tuple(self._lines)

    def write(self, message: Message) -> None:
        record = message.record
        self._lines.append(
            EventLine(
                ms=round(record["time"].timestamp() * 1000),
                level=record["level"].name,
                symbol=str(record["extra"]["_symbol"]) or None,
                text=record["message"] + str(record["extra"]["_cause"]),
            )
        )


def set_up(
    *,
    level: str = "info",
    log_format: LogFormat = "text",
    file: Path | None = None,
    on_screen: bool = True,
    events: EventLog | None = None,
) -> None:
    """Sets the process's logging anew, for loguru and for libraries that use the standard one.

    `on_screen` false keeps stderr clear, for the terminal view; JSON lines go to stderr like plain ones. A file turns
    over at 20 MB, ten are kept. Raises OSError when the file cannot be opened, ValueError for an unknown level: what
    was set up before is then still in force.
    """
    name = level.upper()
    logger.configure(patcher=_prepare, extra={})
    added: list[int] = []
    if file is not None:
        line = _json_line if log_format == "json" else _file_line
        sink = logger.add(
            file,
            level=name,
            format=line,
            rotation="20 MB",
            retention=10,
            encoding="utf-8",
            diagnose=False,
            backtrace=False,
        )
        added.append(sink)
    if on_screen:
        line = _json_line if log_format == "json" else _screen_line
        added.append(logger.add(sys.stderr, level=name, format=line, diagnose=False, backtrace=False))
    if events is not None:
        added.append(logger.add(events.write, level=name, format=_event_line, diagnose=False, backtrace=False))
    for sink in _sinks:
        with suppress(ValueError):  # somebody else has taken it away
            logger.remove(sink)
    _sinks[:] = added
    # Libraries' warnings take the same way. Not their chatter: httpx logs whole URLs, signatures included.
    logging.basicConfig(handlers=[_FromStandardLogging()], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)


def expect_writable(file: Path) -> None:
    """Raises OSError where `set_up` would."""
    with file.open("ab"):
        pass


def describe(error: BaseException) -> str:
    """An exception in one line, a group by its members."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return "; ".join(describe(member) for member in group.exceptions)
    text = one_line(str(error))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class _FromStandardLogging(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname if record.levelno in (10, 20, 30, 40, 50) else record.levelno
        logger.opt(exception=record.exc_info).log(level, "{}: {}", record.name, record.getMessage())


def _prepare(record: Record) -> None:
    extra = record["extra"]
    for key, value in extra.items():
        extra[key] = value if isinstance(value, int | float | None) else redact(str(value))
    record["message"] = redact(record["message"])
    error = record["exception"].value if record["exception"] else None
    extra["_symbol"] = str(extra.get("symbol") or "")
    extra["_cause"] = redact(f" ({describe(error)})") if error else ""
    extra["_trace"] = redact("\n" + "".join(traceback.format_exception(error)).rstrip()) if error else ""


# Formats are given as functions, as to a string loguru appends its own traceback.
def _screen_line(_: Record) -> str:
    return LINE


def _file_line(_: Record) -> str:
    return FILE_LINE


def _event_line(_: Record) -> str:
    return "{message}"


def _json_line(record: Record) -> str:
    extra = record["extra"]
    fields = {
        "ts": record["time"].timestamp(),
        "level": record["level"].name.lower(),
        "symbol": extra["_symbol"] or None,
        "message": record["message"] + str(extra["_cause"]),
        **{key: value for key, value in extra.items() if not key.startswith("_") and key != "symbol"},
    }
    if extra["_trace"]:
        fields["traceback"] = str(extra["_trace"]).strip()
    # loguru takes a format, not a line: the line travels as a field, so that its braces are no format.
    extra["_json"] = msgspec.json.encode(fields).decode()
    return "{extra[_json]}\n"
