"""JSON that came from outside, read without trusting it.

Owns: the bound on how deep a text may be nested, and lists that clients write with either kind of quotes. Must not
know: what is in it.
"""

from __future__ import annotations

import msgspec

MOST_BRACKETS = 128
"""No request needs more than a dozen. A decoder follows a text into its depths on the interpreter's own stack."""


def is_too_deep(text: str) -> bool:
    return text.count("[") + text.count("{") > MOST_BRACKETS


def decode(text: str) -> object:
    """ValueError when it is no JSON, or nested beyond reason."""
    if is_too_deep(text):
        raise ValueError("nested too deep")
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ValueError(str(error)) from None


def decode_list(text: str) -> list[object]:
    """Some clients write a list with single quotes. ValueError when it is none in either spelling."""
    if is_too_deep(text):
        raise ValueError("nested too deep")
    for spelt in (text, text.replace("'", '"')):
        try:
            return msgspec.json.decode(spelt, type=list[object])
        except (msgspec.DecodeError, UnicodeError):
            continue
    raise ValueError("no list")
