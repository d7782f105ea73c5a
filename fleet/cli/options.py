"""Types of command-line options that several commands share."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import click
from pydantic_core import PydanticCustomError

from strategies.units import parse_fraction


class _Duration(click.ParamType[float]):
    """Seconds: 30s, 500ms, 5m, 1h, or a plain number of seconds."""

    name = "duration"
    _UNITS = (("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0))

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip()
        factor = 1.0
        for unit, seconds in self._UNITS:
            if text.endswith(unit):
                text, factor = text.removesuffix(unit), seconds
                break
        try:
            duration_s = float(text) * factor
        except ValueError:
            self.fail(f"{value} is no duration: 30s, 5m or 1h", param, ctx)
        if not 0 < duration_s < 1e9:
            self.fail(f"{value} is no duration: more than 0", param, ctx)
        return duration_s


class _Moment(click.ParamType[int]):
    """Milliseconds since the epoch: a date, a date with a time (UTC unless it says otherwise), or so long ago. None is
    outside of the years 1 to 9999, which a ledger's numbers hold."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        text = str(value).strip()
        try:
            told = datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return round((told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp() * 1000)
        days = text.removesuffix("d")
        try:
            ago_s = float(days) * 86_400 if days != text else _Duration().convert(text, param, ctx)
            if not ago_s > 0:
                raise ValueError(text)
            then = datetime.fromtimestamp(time.time_ns() / 1e9, UTC) - timedelta(seconds=ago_s)
        except (ValueError, OverflowError, click.UsageError):
            self.fail(f"{value} is no moment: 2026-01-31, 2026-01-31T09:30, 24h or 7d", param, ctx)
        return round(then.timestamp() * 1000)


class _HostPort(click.ParamType[tuple[str, int]]):
    name = "host:port"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        host, _, port = str(value).rpartition(":")
        if not host or not port.isdecimal() or len(port) > 5 or int(port) > 65535:
            self.fail(f"{value} is no HOST:PORT, such as 127.0.0.1:8787", param, ctx)
        return host.strip("[]"), int(port)


class _Fraction(click.ParamType[Decimal]):
    """0.01, 1% or 100bps."""

    name = "fraction"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            fraction = parse_fraction(value)
        except PydanticCustomError as error:
            self.fail(f"{value} {error.message()}", param, ctx)
        if not 0 < fraction < 1:
            self.fail(f"{value} is out of bounds: above 0 and below 1", param, ctx)
        return fraction


DURATION = _Duration()
MOMENT = _Moment()
FRACTION = _Fraction()
HOST_PORT = _HostPort()
