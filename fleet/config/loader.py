"""From a fleet file to the desired fleet, or to all that is wrong with the file at once.

Owns: the merge of `defaults`, the split of flat strategy parameters, the wording of validation errors, and whether the
paths in the file are there. Must not know: the venue, the running fleet. Whatever the input, nothing but ConfigError
is raised.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Field, ValidationError

from fleet.config import document as yaml_document
from fleet.config.document import Document, Value
from fleet.config.faults import ConfigError, Fault, did_you_mean, nearest, shown
from fleet.config.models import SYMBOL_PATTERN, FleetConfig, Replay, SymbolConfig
from fleet.config.wording import file_keys, section_keys, worded
from strategies.registry import STRATEGIES

_MAX_BYTES = 256 * 1024
_COMMON = tuple(key for key in file_keys(SymbolConfig) if key not in ("symbol", "parameters"))
_DEFAULT_STRATEGY = "ping_pong"
UNNAMED = "unnamed"
"""What the sound part of a fleet file is called that has no sound name."""
LOG_FILE_RIGHT = "a file that can be written, in a directory that is there"
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

    def says(self, path: tuple[str | int, ...]) -> bool:
        """Whether the file has this key, or leaves it to the default."""
        return path in self._places

    def fault(self, path: tuple[str | int, ...], what: str, right: str) -> Fault:
        return Fault(self.name, *self.locate(path), what, right)


@dataclass(frozen=True, slots=True)
class Examined:
    """A fleet file and all that is wrong with it by itself; with no `faults`, `sound` is the whole of it.

    Else `sound` is as much as can be held against a venue all the same, so that what is wrong by the venue can be told
    with the rest; None when not even the venue is known. `unsound`: symbols that the file has and `sound` has not.
    `replaced`: sections that have faults, of which `sound` has the defaults.
    """

    faults: tuple[Fault, ...]
    sound: Loaded | None = None
    unsound: tuple[str, ...] = ()
    replaced: frozenset[str] = frozenset()

    def whole(self) -> Loaded:
        """Raises ConfigError."""
        if self.faults or self.sound is None:
            raise ConfigError(self.faults)
        return self.sound


def load(path: Path, env: Mapping[str, str]) -> Loaded:
    """Reads a fleet file; a recording's path is taken relative to the file. Raises ConfigError."""
    return examine(path, env).whole()


def examine(path: Path, env: Mapping[str, str]) -> Examined:
    """The same, for whoever wants to go on in spite of faults. Raises nothing."""
    name = str(path)
    try:
        text = read_text(path, "a readable fleet file")
    except ConfigError as error:
        return Examined(error.faults)
    examined = _examine(text, name, env, path.parent)
    if examined.sound is None:
        return examined
    return replace(examined, faults=_in_order([*examined.faults, *_path_faults(examined.sound)]))


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
    return _examine(text, name, env, directory).whole()


def _examine(text: str, name: str, env: Mapping[str, str], directory: Path | None) -> Examined:
    document = yaml_document.read(text, name, env)
    built = _Builder(document).build()
    config = built.config
    if config is None:
        return Examined(_in_order(document.faults))
    feed = config.paper.feed
    if isinstance(feed, Replay) and directory is not None:
        feed = feed.model_copy(update={"replay": directory / feed.replay})
        config = config.model_copy(update={"paper": config.paper.model_copy(update={"feed": feed})})
    ledger = config.ledger
    if ledger is not None and ledger.path is not None and directory is not None:
        ledger = ledger.model_copy(update={"path": directory / ledger.path})
        config = config.model_copy(update={"ledger": ledger})
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    loaded = Loaded(config, name, digest, document.places)
    return Examined(_in_order(document.faults), loaded, built.unsound, built.replaced)


def _in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    return tuple(sorted(faults, key=lambda fault: (fault.line, fault.column)))


def _path_faults(loaded: Loaded) -> list[Fault]:
    """What can be known of the paths without touching anything; only opening a file tells all."""
    faults: list[Fault] = []
    config = loaded.config
    feed = config.paper.feed
    if isinstance(feed, Replay) and config.venue == "paper" and not feed.replay.exists():
        record = f"`astermm-fleet record {' '.join(config.symbols)} --venue mainnet --out DIRECTORY`"
        right = f"{record} makes one; its path is relative to the fleet file"
        faults.append(loaded.fault(("paper", "feed", "replay"), f"no recording at {feed.replay}", right))
    file = config.logging.file
    if file is not None:
        what = ""
        if file.is_dir():
            what = f"log file {file} is a directory"
        elif not file.parent.is_dir():
            what = f"log file {file} would be in a directory that is not there"
        elif not os.access(file if file.exists() else file.parent, os.W_OK):
            what = f"log file {file} cannot be written"
        if what:
            faults.append(loaded.fault(("logging", "file"), what, LOG_FILE_RIGHT))
    return faults


class _SoundPart(FleetConfig):
    """What is left of a fleet file when all that has faults is taken out of it."""

    fleet: str = UNNAMED
    symbols: dict[str, SymbolConfig] = Field(default={})


@dataclass(frozen=True, slots=True)
class _Built:
    config: FleetConfig | None
    unsound: tuple[str, ...] = ()
    replaced: frozenset[str] = frozenset()


class _Builder:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._unusable = {(fault.line, fault.column) for fault in document.faults}
        self._meant: set[tuple[yaml_document.Path, str]] = set()
        """Keys that are there, misspelt, by section: that they are missing need not be told as well."""

    def build(self) -> _Built:
        data = self._document.data
        if not isinstance(data, dict):
            if not self._document.faults:
                what = "the file is empty" if data is None else "the file is no mapping"
                self._document.fault((1, 1), what, "fleet:, venue: and symbols: (`init` writes a starter file)")
            return _Built(None)
        known = section_keys(())
        # Before the symbols, which may miss what stands under them.
        for key in data:
            if key not in known:
                self._unknown((), key)
        defaults = self._defaults(data.get("defaults"))
        fleet: dict[str, object] = {
            key: value for key, value in data.items() if key in known and key not in ("defaults", "symbols")
        }
        symbols = data.get("symbols")
        sound: dict[str, SymbolConfig] = {}
        names: list[str] = []
        if isinstance(symbols, dict):
            built = {symbol: self._symbol(symbol, own, defaults) for symbol, own in symbols.items()}
            sound = {symbol: config for symbol, config in built.items() if config is not None}
            names = [symbol for symbol in symbols if re.match(SYMBOL_PATTERN, symbol)]
        if sound or "symbols" not in data:
            whole = self._validate(FleetConfig, {**fleet, "symbols": sound} if sound else fleet, ())
        elif names or (isinstance(symbols, dict) and symbols):
            # Each of them has been told of.
            whole = self._validate(FleetConfig, fleet, (), ignore_missing=frozenset({"symbols"}))
        else:
            whole = self._validate(FleetConfig, {**fleet, "symbols": symbols}, ())
        if whole is not None and not self._document.faults:
            return _Built(whole)
        return self._sound_part({**fleet, "symbols": sound}, tuple(name for name in names if name not in sound))

    def _sound_part(self, fleet: dict[str, object], unsound: tuple[str, ...]) -> _Built:
        """Not without the venue: nothing could be held against it."""
        replaced: frozenset[str] = frozenset()
        try:
            _SoundPart.model_validate(fleet)
        except ValidationError as error:
            replaced = frozenset(str(detail["loc"][0]) for detail in error.errors(include_url=False))
        if "venue" in replaced:
            return _Built(None)
        sound = _SoundPart.model_validate({key: value for key, value in fleet.items() if key not in replaced})
        return _Built(sound, unsound, replaced)

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
            details = error.errors(include_url=False, include_input=False)
            for detail in details:
                if detail["type"] == "extra_forbidden":
                    at = (*path, *detail["loc"])
                    self._unknown(at[:-1], str(at[-1]))
            for detail in details:
                at = (*path, *detail["loc"])
                is_missing = detail["type"] == "missing"
                is_told = is_missing and (str(at[-1]) in ignore_missing or self._is_misspelt(at))
                if is_told or detail["type"] == "extra_forbidden":
                    continue
                written = str(at[1]) if at[-1] == "symbol" else self._written(at)
                source = at if is_missing or at[-1] == "symbol" else place_of(self._document.places, at)
                self._report(at, *worded(detail, source, written))
            return None

    def _unknown(self, path: yaml_document.Path, key: str, known: list[str] | None = None) -> None:
        section = place_of(self._document.places, path)
        place = self._document.keys.get((*section, key), self._document.places[section])
        known = section_keys(section) if known is None else known
        meant = nearest(key, known)
        if meant is not None:
            self._meant.add((section, meant))
        if place not in self._unusable:
            self._document.fault(place, f"unknown key {shown(key)}", did_you_mean(key, known))

    def _is_misspelt(self, path: yaml_document.Path) -> bool:
        """What a symbol misses may be meant by a key of its own, or of `defaults`, or `defaults` itself is misspelt."""
        section, key = place_of(self._document.places, path[:-1]), str(path[-1])
        candidates: list[tuple[yaml_document.Path, str]] = [(section, key)]
        if path[0] == "symbols" and len(path) > 2:
            candidates += [(("defaults",), key), ((), "defaults")]
        return any(candidate in self._meant for candidate in candidates)

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
