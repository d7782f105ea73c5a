"""From a fleet file to the desired fleet, or to all that is wrong with the file at once.

Owns: the merge of `defaults`, the split of flat strategy parameters, and the wording of validation errors.
Must not know: the venue, the running fleet. Whatever the input, only ConfigError is raised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from fleet.config import document as yaml_document
from fleet.config.document import Document, Value
from fleet.config.faults import ConfigError, Fault, did_you_mean, shown
from fleet.config.models import FleetConfig, Replay, SymbolConfig
from fleet.config.wording import file_keys, section_keys, worded
from strategies.registry import STRATEGIES

_MAX_BYTES = 256 * 1024
_COMMON = tuple(key for key in file_keys(SymbolConfig) if key not in ("symbol", "parameters"))
_DEFAULT_STRATEGY = "ping_pong"
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A sound fleet file. `locate` serves later checks: the place in the file where a value comes from."""

    config: FleetConfig
    name: str
    text_digest: str
    _places: Mapping[yaml_document.Path, tuple[int, int]] = field(repr=False)

    def locate(self, path: tuple[str | int, ...]) -> tuple[int, int]:
        """(line, column) from 1: of the value, of the default it comes from, or of the nearest thing around it."""
        return self._places[place_of(self._places, path)]

    def fault(self, path: tuple[str | int, ...], what: str, right: str) -> Fault:
        return Fault(self.name, *self.locate(path), what, right)


def load(path: Path, env: Mapping[str, str]) -> Loaded:
    """Reads a fleet file; a recording's path is taken relative to the file. Raises ConfigError."""
    text = read_text(path, "a readable fleet file")
    loaded = parse(text, str(path), env, path.parent)
    feed = loaded.config.paper.feed
    if isinstance(feed, Replay) and loaded.config.venue == "paper" and not feed.replay.exists():
        what = f"no recording at {feed.replay}"
        raise ConfigError([loaded.fault(("paper", "feed", "replay"), what, "a path relative to the fleet file")])
    return loaded


def read_text(path: Path, right: str) -> str:
    """A file of ours, which is no large one; `right` says what it should be. Raises ConfigError."""
    name = str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ConfigError([Fault(name, 0, 0, f"cannot be read: {reason}", right)]) from None
    if len(raw) > _MAX_BYTES:
        raise ConfigError([Fault(name, 0, 0, f"{len(raw)} bytes long", f"at most {_MAX_BYTES} bytes")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        place = (before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1)
        raise ConfigError([Fault(name, *place, "not UTF-8", "a text saved in UTF-8")]) from None


def parse(text: str, name: str, env: Mapping[str, str], directory: Path | None = None) -> Loaded:
    """The same for a text; `directory` is what a recording's path is relative to. Raises ConfigError."""
    document = yaml_document.read(text, name, env)
    config = _Builder(document).build()
    if config is None or document.faults:
        raise ConfigError(sorted(document.faults, key=lambda fault: (fault.line, fault.column)))
    feed = config.paper.feed
    if isinstance(feed, Replay) and directory is not None:
        feed = feed.model_copy(update={"replay": directory / feed.replay})
        config = config.model_copy(update={"paper": config.paper.model_copy(update={"feed": feed})})
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return Loaded(config, name, digest, document.places)


class _Builder:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._unusable = {(fault.line, fault.column) for fault in document.faults}

    def build(self) -> FleetConfig | None:
        data = self._document.data
        if not isinstance(data, dict):
            if not self._document.faults:
                what = "the file is empty" if data is None else "the file is no mapping"
                self._document.fault((1, 1), what, "fleet:, venue: and symbols: (`init` writes a starter file)")
            return None
        defaults = self._defaults(data.get("defaults"))
        fleet: dict[str, object] = {key: value for key, value in data.items() if key not in ("defaults", "symbols")}
        symbols = data.get("symbols")
        if isinstance(symbols, dict):
            built = {symbol: self._symbol(symbol, own, defaults) for symbol, own in symbols.items()}
            fleet["symbols"] = {symbol: config for symbol, config in built.items() if config is not None}
            if built and not fleet["symbols"]:
                del fleet["symbols"]
                self._validate(FleetConfig, fleet, (), ignore_missing=frozenset({"symbols"}))
                return None
        elif "symbols" in data:
            fleet["symbols"] = symbols
        return self._validate(FleetConfig, fleet, ())

    def _defaults(self, given: Value) -> dict[str, Value]:
        path = ("defaults",)
        if given is None:
            return {}
        if not isinstance(given, dict):
            self._report(path, "defaults is no mapping", "keys and values that every symbol starts from")
            return {}
        parameter_keys = {key for kind in STRATEGIES.values() for key in file_keys(kind.parameters)}
        for key in given:
            if key not in _COMMON and key not in parameter_keys:
                self._unknown(path, key, [*_COMMON, *sorted(parameter_keys)])
        missing_is_fine = frozenset({*_COMMON, *parameter_keys, "symbol", "parameters"})
        common = {key: value for key, value in given.items() if key in _COMMON}
        self._validate(SymbolConfig, common, path, ignore_missing=missing_is_fine)
        self._kind(given, path)
        for kind in STRATEGIES.values():
            keys = file_keys(kind.parameters)
            parameters = {key: value for key, value in given.items() if key in keys}
            self._validate(kind.parameters, parameters, path, ignore_missing=missing_is_fine)
        return given

    def _symbol(self, symbol: str, own: Value, defaults: dict[str, Value]) -> SymbolConfig | None:
        path = ("symbols", symbol)
        if own is None:
            own = {}
        if not isinstance(own, dict):
            self._report(path, f"{shown(symbol)} is no mapping", "{} for the defaults, or {buy_spread: 20bps, ...}")
            return None
        merged = {**defaults, **own}
        kind = self._kind(merged, path)
        parameter_model = STRATEGIES[kind or _DEFAULT_STRATEGY].parameters
        parameter_keys = file_keys(parameter_model)
        for key in own:
            if key not in _COMMON and key not in parameter_keys:
                self._unknown(path, key, [*_COMMON, *parameter_keys])
        common: dict[str, object] = {key: value for key, value in merged.items() if key in _COMMON}
        given = {key: value for key, value in merged.items() if key in parameter_keys}
        parameters = self._validate(parameter_model, given, path) if kind else None
        common |= {"symbol": symbol, "strategy": kind or _DEFAULT_STRATEGY}
        if parameters is not None:
            common["parameters"] = parameters
        return self._validate(SymbolConfig, common, path, ignore_missing=frozenset({"parameters"}))

    def _kind(self, merged: dict[str, Value], path: tuple[str, ...]) -> str | None:
        name = merged.get("strategy", _DEFAULT_STRATEGY)
        if isinstance(name, str) and name in STRATEGIES:
            return name
        word = shown(self._written((*path, "strategy")) or "a collection")
        self._report((*path, "strategy"), f"unknown strategy {word}", did_you_mean(word, STRATEGIES))
        return None

    def _validate(
        self,
        model: type[Model],
        data: Mapping[str, object],
        path: tuple[str, ...],
        ignore_missing: frozenset[str] = frozenset(),
    ) -> Model | None:
        try:
            return model.model_validate(data)
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_input=False):
                if detail["type"] == "missing" and str(detail["loc"][-1]) in ignore_missing:
                    continue
                at = (*path, *detail["loc"])
                if detail["type"] == "extra_forbidden":
                    self._unknown(at[:-1], str(at[-1]))
                else:
                    written = str(at[1]) if at[-1] == "symbol" else self._written(at)
                    source = (
                        at if detail["type"] == "missing" or at[-1] == "symbol" else place_of(self._document.places, at)
                    )
                    self._report(at, *worded(detail, source, written))
            return None

    def _unknown(self, path: yaml_document.Path, key: str, known: list[str] | None = None) -> None:
        section = place_of(self._document.places, path)
        place = self._document.keys.get((*section, key), self._document.places[section])
        if place not in self._unusable:
            right = did_you_mean(key, section_keys(section) if known is None else known)
            self._document.fault(place, f"unknown key {shown(key)}", right)

    def _report(self, path: yaml_document.Path, what: str, right: str) -> None:
        place = self._document.places[place_of(self._document.places, path)]
        if place not in self._unusable:
            self._document.fault(place, what, right)

    def _written(self, path: yaml_document.Path) -> str | None:
        return self._document.written.get(place_of(self._document.places, path))


def place_of(places: Mapping[yaml_document.Path, tuple[int, int]], path: yaml_document.Path) -> yaml_document.Path:
    """Where in the file a validated path's value stands.

    Elements the file does not have are left out (the tags of unions, `parameters`); what a symbol does not say itself
    comes from `defaults`.
    """
    known: yaml_document.Path = ()
    for element in path:
        if (*known, element) in places:
            known = (*known, element)
    default = ("defaults", path[-1]) if path else ()
    return default if known[:1] == ("symbols",) and len(known) == 2 < len(path) and default in places else known
