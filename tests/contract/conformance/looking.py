"""What stands where in an answer, and whether it is what was wanted.

Owns: dotted paths and the comparison of values. Must not know: rows, venues.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from conformance.row import Above, Matches
from conformance.shapes import is_number


def look(value: Any, path: str) -> list[Any]:
    """What stands at a dotted path; `#` is how many there are, `*` is each of them."""
    if not path:
        return [value]
    name, _, rest = path.partition(".")
    if name == "#":
        return look(len(cast(list[Any], value)), rest) if isinstance(value, (list, dict)) else [None]
    if name == "*":
        return [found for each in value for found in look(each, rest)]
    try:
        inner: Any = cast(list[Any], value)[int(name)] if isinstance(value, list) else value[name]
    except (KeyError, IndexError, TypeError, ValueError):
        return [None]
    return look(inner, rest)


def has(wanted: Mapping[str, Any], frame: Any) -> bool:
    """Whether all of it is there."""
    return all(is_wanted(each, value) for path, each in wanted.items() for value in look(frame, path))


def is_wanted(wanted: Any, got: Any) -> bool:
    """Numbers in texts are equal when they are the same number."""
    if isinstance(wanted, Above):
        return got is not None and Decimal(str(got)) > Decimal(str(wanted.number))
    if isinstance(wanted, Matches):
        return isinstance(got, str) and re.fullmatch(wanted.pattern, got) is not None
    if is_number(wanted) and is_number(got):
        return Decimal(wanted) == Decimal(got)
    return type(wanted) is type(got) and wanted == got
