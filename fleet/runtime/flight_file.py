"""Flights as bytes, and back: what a ledger keeps with an incident.

Owns: that format. Must not know: databases, who replays. Bounded: what finds no room is left out, by symbol, and named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, cast, get_type_hints

import msgspec
import zstandard
from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ValidationError

from exchange.model import Amend, Cancel, Place
from exchange.ports import Cost, RequestClass
from fleet.config.models import SymbolConfig
from fleet.orders.plan import Action, Change, Query
from fleet.runtime.steps import Answered, Failed, Planned, Segment, Sent, Step
from fleet.scheduling.value import Stake
from strategies.registry import STRATEGIES, make_strategy

MOST_BYTES = 256 * 1024
"""Of one recording, compressed."""

MOST_UNPACKED = 64 * 1024 * 1024
"""Of one symbol: nothing that we wrote comes near it."""

LAYOUT = 2

_VERBS: dict[str, type[Action]] = {each.__name__: each for each in (Place, Amend, Cancel, Query)}


class CannotRead(Exception):
    """In words for the owner."""


class _File(Struct, frozen=True):
    layout: int
    tracks: dict[str, bytes]
    left_out: list[str]


class Unpacked(Struct, frozen=True):
    tracks: dict[str, list[Segment]]
    left_out: list[str]


def packed(
    tracks: Mapping[str, tuple[Segment, ...]], left_out: Iterable[str] = (), most: int = MOST_BYTES
) -> bytes | None:
    """Of a symbol that is too large only its last part. None where a strategy's state cannot be written down.

    `left_out`: by whoever cut the tracks.
    """
    kept: dict[str, bytes] = {}
    named: list[str] = []
    room = most
    for symbol, segments in tracks.items():
        for part in (segments, segments[-1:]):
            try:
                written = _ENCODER.encode([_written(segment) for segment in part])
            except TypeError:
                return None
            blob = zstandard.ZstdCompressor(level=6).compress(written)
            if len(blob) <= room:
                kept[symbol] = blob
                room -= len(blob)
                break
        else:
            named.append(symbol)
    return _ENCODER.encode(_File(LAYOUT, kept, [*named, *left_out]))


def unpacked(blob: bytes) -> Unpacked:
    """Raises CannotRead."""
    try:
        file = msgspec.msgpack.decode(blob, type=_File)
        if file.layout != LAYOUT:
            raise CannotRead("it was recorded by another version of this program")
        return Unpacked({symbol: _track(each) for symbol, each in file.tracks.items()}, file.left_out)
    except (msgspec.DecodeError, zstandard.ZstdError, ValidationError, KeyError) as error:
        text = str(error).partition("\n")[0]
        raise CannotRead(f"it is damaged, or was recorded by another version of this program: {text}") from None


def _track(blob: bytes) -> list[Segment]:
    plain = zstandard.ZstdDecompressor().decompress(blob, max_output_size=MOST_UNPACKED)
    return [_read(segment) for segment in _DECODER.decode(plain)]


def _written(segment: Segment) -> Segment:
    return Segment(segment.begins, [_with_verbs(step) for step in segment.steps])


def _with_verbs(step: Step) -> Step:
    if isinstance(step, Planned) and step.changes:
        changes = cast("tuple[Change, ...]", step.changes)
        return replace(step, verbs=tuple(type(each.action).__name__ for each in changes))
    return step


def _read(segment: Segment) -> Segment:
    begins = segment.begins
    strategy = make_strategy(begins.config.strategy, begins.config.parameters)
    state = msgspec.convert(begins.state, get_type_hints(type(strategy).start)["return"])
    return Segment(replace(begins, state=state), [_step(step) for step in segment.steps])


def _step(step: Step) -> Step:
    match step:
        case Answered() | Failed() | Sent():
            return replace(step, action=msgspec.convert(step.action, _VERBS[step.verb]))
        case Planned():
            changes = tuple(_change(verb, raw) for verb, raw in zip(step.verbs, step.changes, strict=True))
            return replace(step, changes=changes, verbs=())
        case _:
            return step


def _change(verb: str, raw: dict[str, Any]) -> Change:
    return Change(
        msgspec.convert(raw["key"], tuple[str, str]),
        msgspec.convert(raw["action"], _VERBS[verb]),
        RequestClass(raw["request_class"]),
        msgspec.convert(raw["cost"], Cost),
        msgspec.convert(raw["stake"], Stake),
    )


# --- configurations, which are pydantic's


def _as_written(model: BaseModel) -> dict[str, object]:
    """By the names and in the units of a fleet file, so that reading it checks it as a file is checked."""
    fields = type(model).model_fields
    values = ((name, fields[name].alias or name, getattr(model, name)) for name in fields)
    return {alias: _value(name, value) for name, alias, value in values}


def _value(name: str, value: object) -> object:
    if isinstance(value, BaseModel):
        return _as_written(value)
    if isinstance(value, int) and name.endswith("_ms"):
        return f"{value}ms"
    return f"{value:f}" if isinstance(value, Decimal) else value


def _encode(value: object) -> object:
    if isinstance(value, BaseModel):
        return _as_written(value)
    raise TypeError(f"{type(value).__name__} cannot be written down")


def _decode(kind: type, value: object) -> object:
    assert issubclass(kind, BaseModel)
    if kind is SymbolConfig:
        written = cast("dict[str, Any]", value)
        parameters = STRATEGIES[written["strategy"]].parameters.model_validate(written["parameters"])
        return SymbolConfig.model_validate({**written, "parameters": parameters})
    return kind.model_validate(value)


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_encode)
_DECODER = msgspec.msgpack.Decoder(list[Segment], dec_hook=_decode)
