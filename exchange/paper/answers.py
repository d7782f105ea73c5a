"""A request to the paper exchange, its answer, and the one way to refuse.

Owns: these three shapes. Must not know: what any request does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Params = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """As it came over the wire: `query` and `body` unparsed, header names in lower case, `client` the address."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    client: str = "local"


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes


class Refusal(Exception):
    """An error answer: `{"code": …, "msg": …}` with an HTTP status."""

    def __init__(self, code: int, message: str, status: int = 400, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after_s = retry_after_s


def malformed(name: str) -> Refusal:
    return Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def required(params: Params, name: str) -> str:
    value = params.get(name, "")
    if not value:
        raise malformed(name)
    return value


def whole_number(params: Params, name: str, default: int | None = None) -> int:
    """A parameter that is a whole number, at least 0; the default when it was not sent. Raises Refusal."""
    text = params.get(name, "")
    if not text and default is not None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise malformed(name)
    return int(text)


def truth(params: Params, name: str) -> bool:
    text = params.get(name, "false").lower()
    if text not in ("true", "false"):
        raise Refusal(-1130, f"Data sent for parameter '{name}' is not valid.")
    return text == "true"
