"""Whether an answer has the shape of the docs' example: every field, of the example's JSON type, and no other.

Owns: the comparison. Must not know: what the examples are. A text that is a number in the example must be one in the
answer. A tuple stands for a list of just these members, a list for any number of members like one of its own, and at
least one: an empty answer would be like every example. An empty list as an example stands for an empty list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Maybe:
    """A field that may be left out."""

    example: Any


@dataclass(frozen=True, slots=True)
class MaybeEmpty:
    """A list that may have no member."""

    example: list[Any]


@dataclass(frozen=True, slots=True)
class Exactly:
    """No example: the very value."""

    value: Any


@dataclass(frozen=True, slots=True, init=False)
class Either:
    examples: tuple[Any, ...]

    def __init__(self, *examples: Any) -> None:
        object.__setattr__(self, "examples", examples)


def is_number(text: object) -> bool:
    return isinstance(text, str) and _NUMBER.fullmatch(text) is not None


def faults(example: Any, got: Any, path: str = "") -> list[str]:
    """What keeps `got` from being like the example; empty when it is."""
    if isinstance(example, Either):
        return _like_one(example.examples, got, path)
    if isinstance(example, Exactly):
        is_it = type(got) is type(example.value) and got == example.value
        return [] if is_it else [_told(path, repr(example.value), got)]
    if isinstance(example, MaybeEmpty):
        return [] if got == [] else faults(example.example, got, path)
    if isinstance(example, dict):
        return _dict_faults(cast(dict[str, Any], example), got, path)
    if isinstance(example, tuple):
        members = cast(tuple[Any, ...], example)
        if not isinstance(got, list) or len(cast(list[Any], got)) != len(members):
            return [_told(path, f"a list of {len(members)}", got)]
        return [fault for n, each in enumerate(members) for fault in faults(each, got[n], f"{path}[{n}]")]
    if isinstance(example, list):
        if not isinstance(got, list):
            return [_told(path, "a list", got)]
        answered = cast(list[Any], got)
        if (not answered) is not (not example):
            return [_told(path, "a list that is not empty" if example else "an empty list", answered)]
        return [fault for n, each in enumerate(answered) for fault in _like_one(example, each, f"{path}[{n}]")]
    return [] if _is_like(example, got) else [_told(path, _kind(example), got)]


def _like_one(examples: Any, got: Any, path: str) -> list[str]:
    found = [faults(each, got, path) for each in examples]
    return min(found, key=len)


def _dict_faults(example: dict[str, Any], got: Any, path: str) -> list[str]:
    if not isinstance(got, dict):
        return [_told(path, "an object", got)]
    found: list[str] = []
    for name, each in example.items():
        inner = each.example if isinstance(each, Maybe) else each
        if name in got:
            found += faults(inner, got[name], f"{path}.{name}")
        elif not isinstance(each, Maybe):
            found.append(f"{path}.{name} is missing")
    return found + [
        f"{path}.{name} is in no page of the docs" for name in cast(dict[str, Any], got) if name not in example
    ]


def _is_like(example: Any, got: Any) -> bool:
    if isinstance(example, bool) or example is None:
        return type(got) is type(example)
    if isinstance(example, int):
        return isinstance(got, int) and not isinstance(got, bool)
    if isinstance(example, float):
        return isinstance(got, (int, float)) and not isinstance(got, bool)
    return isinstance(got, str) and (is_number(got) or not is_number(example))


def _kind(example: Any) -> str:
    if example is None:
        return "null"
    return "a number as text" if is_number(example) else f"of type {type(example).__name__}"


def _told(path: str, wanted: str, got: Any) -> str:
    return f"{path or 'the answer'} should be {wanted}, and is {str(got)[:80]!r} ({type(got).__name__})"
