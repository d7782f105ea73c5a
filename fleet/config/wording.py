"""pydantic's errors in the words of somebody who edits a fleet file.

Owns: what is said for each kind of error, and which keys a part of the file may have. Must not know: YAML, places.
"""

from __future__ import annotations

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from fleet.config.faults import did_you_mean, shown
from fleet.config.models import (
    Budget,
    Control,
    DeadMan,
    FleetConfig,
    LedgerFile,
    Live,
    Logging,
    Paper,
    Replay,
    Source,
    VenueAddress,
    Weights,
)
from fleet.config.paper_faults import Faults
from fleet.config.risk import MaxFills, Mmp, Risk

_SECTIONS: dict[tuple[str | int, ...], tuple[type[BaseModel], ...]] = {
    ("venue",): (VenueAddress,),
    ("paper",): (Paper,),
    ("paper", "feed"): (Replay, Live),
    ("paper", "feed", "live"): (Source,),
    ("paper", "faults"): (Faults,),
    ("budget",): (Budget,),
    ("budget", "weights"): (Weights,),
    ("dead_man",): (DeadMan,),
    ("risk",): (Risk,),
    ("control",): (Control,),
    ("ledger",): (LedgerFile,),
    ("logging",): (Logging,),
}
_OF_A_SYMBOL: dict[str | int, type[BaseModel]] = {"max_fills": MaxFills, "mmp": Mmp}
_PATTERNS = {
    "fleet": "1 to 12 of the characters a-z, 0-9, _ . and -",
    "symbol": "an exchange symbol such as ASTERUSDT",
    "rest": "http:// or https:// and a host",
    "stream": "ws:// or wss:// and a host",
}
_MISSING = {
    "fleet": "fleet: NAME, the fleet's name",
    "venue": "venue: paper, testnet or mainnet",
    "symbols": "symbols: and below it at least one, such as ASTERUSDT: {}",
    "accounts": "accounts: and below it at least one NAME: {wallet: ADDRESS}",
    "wallet": "wallet: ADDRESS, the account's main wallet",
}
_SWITCHED_OFF = {
    "control": "{host: 127.0.0.1, port: 8787}",
    "dead_man": "{timeout: 2m, share: 0.25}",
}
_KINDS = {
    "int": "is no whole number",
    "decimal": "is no number",
    "float": "is no number",
    "finite": "is no number",
    "bool": "is neither true nor false",
    "string": "is no text",
    "path": "is no path",
    "dict": "is no mapping",
    "tuple": "is no list",
    "model": "is no mapping",
}
_RIGHT = {
    "int": "a whole number such as 10",
    "decimal": "a number such as 15",
    "float": "a number such as 1.5",
    "finite": "a finite number",
    "bool": "true or false",
    "string": "a text",
    "path": "a path",
    "dict": "keys and values",
    "tuple": "a list such as [A, B]",
    "model": "keys and values",
}


def file_keys(model: type[BaseModel]) -> list[str]:
    """The keys of a model as the file writes them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def section_keys(path: tuple[str | int, ...]) -> list[str]:
    if not path:
        return [*file_keys(FleetConfig), "defaults"]
    if path[0] in ("symbols", "defaults") and path[-1] in _OF_A_SYMBOL:
        return file_keys(_OF_A_SYMBOL[path[-1]])
    return [key for model in _SECTIONS.get(path, ()) for key in file_keys(model)]


def worded(detail: ErrorDetails, path: tuple[str | int, ...], written: str | None) -> tuple[str, str]:
    """(what is wrong, what would be right). `written` is the scalar as the file has it, None for a collection."""
    name = next((str(part) for part in reversed(path) if isinstance(part, str)), "the file")
    context = detail.get("ctx", {})
    kind = detail["type"]
    value = "a collection" if written is None else shown(written) if written else "(nothing)"
    subject = f"{name} {value}"
    if kind == "unit":
        return f"{name if written is None else subject} {context['what']}", str(context["right"])
    if kind == "missing":
        beside = " here or under defaults" if path[0] == "symbols" and len(path) > 1 else ""
        return f"{name} is missing", _MISSING.get(name, f"write {name}: ...{beside}")
    if kind == "literal_error":
        options = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        return f"{subject} is not known", did_you_mean(value, options)
    if kind == "string_pattern_mismatch":
        return f"{subject} is malformed", _PATTERNS.get(name, f"text like {context['pattern']}")
    if kind == "too_short":
        return f"{name} is empty", _MISSING.get(name, "at least one entry")
    for limit, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
        if limit in context:
            bound = context[limit]
            return f"{subject} is out of bounds", f"{words} {bound:g}" if isinstance(
                bound, float
            ) else f"{words} {bound}"
    family = kind.split("_", 1)[0]
    if name in _SWITCHED_OFF and family == "model":
        return f"{subject} is no mapping", f"{_SWITCHED_OFF[name]}, or null to switch it off"
    if family in _KINDS:
        return f"{subject} {_KINDS[family]}", _RIGHT[family]
    return f"{subject} is not usable", detail["msg"].lower()
