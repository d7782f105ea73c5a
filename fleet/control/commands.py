"""What may be told to a running fleet over its control endpoint: POST /v1/kill, /v1/flatten, /v1/resume.

Owns: who may say so, how it is said, and what is answered. Must not know: how it is carried out.

Whoever knows the token may: it stands in a file that only the fleet's owner can read. A browser must not, whatever page
it shows: a page can neither read that file nor send the header without asking first, and what it sends says `Origin`.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from ipaddress import IPv6Address, ip_address
from typing import Any

import msgspec

TOKEN_HEADER = "X-Astermm-Token"  # noqa: S105 a name
PATHS = ("/v1/kill", "/v1/flatten", "/v1/resume")
LONGEST_BODY = 4096


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`symbol`: None is all."""

    symbol: str | None = None
    slippage: Decimal | None = None


class Wrong(Exception):
    """The wish makes no sense, in words."""


class Away(Exception):
    """There is nobody to carry it out now, in words: whoever asks should turn elsewhere."""


Carry = Callable[[Wish], Awaitable[object]]
"""Raises Wrong and Away. What it returns is answered as JSON."""


@dataclass(frozen=True, slots=True)
class Commands:
    """`carry` by path."""

    token: str = field(repr=False)
    carry: Mapping[str, Carry]

    async def answer(self, scope: Mapping[str, Any], receive: Callable[[], Awaitable[Any]]) -> tuple[int, object]:
        """Status and what the body says."""
        headers = {bytes(name).lower(): bytes(value) for name, value in scope["headers"]}
        if b"origin" in headers or b"sec-fetch-site" in headers or not _is_near(scope):
            return 403, {"error": "not from a browser, and not from another machine"}
        token = headers.get(TOKEN_HEADER.lower().encode(), b"")
        if not hmac.compare_digest(token, self.token.encode()):
            return 401, {"error": f"{TOKEN_HEADER} must be the token of the file beside the fleet file"}
        try:
            wish = msgspec.json.decode(await _body(receive), type=Wish)
            return 200, await self.carry[scope["path"]](wish)
        except (msgspec.DecodeError, Wrong) as error:
            return 400, {"error": str(error)}
        except Away as error:
            return 503, {"error": str(error)}


def _is_near(scope: Mapping[str, Any]) -> bool:
    client = scope.get("client")
    try:
        address = ip_address(client[0] if client else "")
    except ValueError:
        return False
    # As a socket of both families tells of IPv4.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


async def _body(receive: Callable[[], Awaitable[Any]]) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LONGEST_BODY:
            raise Wrong(f"more than {LONGEST_BODY} bytes")
        if not message.get("more_body"):
            return body
