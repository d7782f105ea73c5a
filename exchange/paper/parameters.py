"""A request's parameters, and every string that its sender may have signed.

Owns: query, form and JSON bodies as pairs, and what is left of them without the signature. Must not know: keys.

The docs know queries and forms only. A JSON object is taken for the form that has its members in their order, because
a client that posts one signs just that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast
from urllib.parse import parse_qsl, unquote, unquote_plus, urlencode

import msgspec

from exchange.paper.answers import Refusal, Request
from exchange.protocol import codes, json_text


def parameters(request: Request) -> dict[str, str]:
    """From query and body together. Raises Refusal when one comes twice."""
    pairs = parse_qsl(request.query, keep_blank_values=True)
    if request.body:
        pairs += parse_qsl(body_text(request), keep_blank_values=True)
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refusal(codes.TOO_MANY_PARAMETERS, "Duplicate values for a parameter detected.")
    return found


def body_text(request: Request) -> str:
    """The body as a form."""
    text = request.body.decode("utf-8", "replace")
    if text.lstrip().startswith("{") and "json" in request.headers.get("content-type", "").lower():
        try:
            members = json_text.decode(text)
        except ValueError:
            return text
        if isinstance(members, dict):
            return urlencode([(name, _text(value)) for name, value in cast("dict[str, object]", members).items()])
    return text


def v1_message(request: Request) -> str:
    """Query and body one after the other, nothing in between (docs of V1: SIGNED Endpoint Examples, Example 3)."""
    return without_signature(request.query) + without_signature(body_text(request))


def v3_messages(request: Request) -> Iterator[str]:
    """What may have been signed, the likeliest first.

    As received; decoded, where a client signs first and encodes then; encoded once more as a form, where an HTTP
    library has respelt the address on its way. Query before body, or body before query.
    """
    parts = [part for part in (without_signature(request.query), without_signature(body_text(request))) if part]
    seen: set[str] = set()
    for message in dict.fromkeys(("&".join(parts), "&".join(reversed(parts)))):
        for spell in (str, unquote_plus, unquote, _encoded_again):
            form = spell(message)
            if form not in seen:
                seen.add(form)
                yield form


def without_signature(text: str) -> str:
    return "&".join(pair for pair in text.split("&") if not pair.startswith("signature="))


def _encoded_again(text: str) -> str:
    return urlencode(parse_qsl(text, keep_blank_values=True))


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
