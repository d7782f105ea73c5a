"""V1: an API key in a header, and an HMAC over query and body (docs of V1: SIGNED Endpoint Security).

Owns: keys and their accounts, the signature, the age of a request. Must not know: what the request asks for.

The checks go in the order of the exchange family: key, mandatory parameters, signature, time.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence

from exchange.paper.agents import plain
from exchange.paper.answers import Params, Refusal, Request, required, whole_number
from exchange.paper.config import DemoCredentials, KnownAccount
from exchange.paper.parameters import v1_message
from exchange.protocol import codes
from exchange.protocol.signing import hmac_signature

API_KEY = "x-mbx-apikey"
_KEY_FORM = re.compile(r"[\x21-\x7E]{1,128}")
_DEFAULT_RECV_WINDOW_MS = 5000
_LONGEST_RECV_WINDOW_MS = 60_000
_AHEAD_MS = 1000


class Keys:
    """Key pairs, each with the account it opens: the demonstration account's, or those of the listed accounts."""

    def __init__(self, accounts: Sequence[KnownAccount] | None, demo: DemoCredentials) -> None:
        self._pairs: dict[str, tuple[str, str]] = {}
        """Secret and user by key."""
        if accounts is None:
            self._pairs[demo.api_key] = demo.api_secret, plain(demo.user)
        for each in accounts or ():
            self._pairs |= {key: (secret, plain(each.user)) for key, secret in each.hmac_keys.items()}

    def owner(self, request: Request) -> str:
        """The account of the key alone: V1's listen key requests carry no signature. Raises Refusal."""
        return self._pair(request)[1]

    def authenticate(self, request: Request, params: Params, now_us: int) -> str:
        """The account that a signed request acts for. Raises Refusal."""
        secret, user = self._pair(request)
        timestamp_ms = whole_number(params, "timestamp")
        # Not case sensitive (docs of V1: SIGNED Endpoint Security).
        given = required(params, "signature").strip().lower()
        expected = hmac_signature(secret, v1_message(request))
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise Refusal(codes.INVALID_SIGNATURE, "Signature for this request is not valid.")
        expect_recent(params, timestamp_ms, now_us)
        return user

    def _pair(self, request: Request) -> tuple[str, str]:
        key = request.headers.get(API_KEY, "").strip()
        if not _KEY_FORM.fullmatch(key):
            raise Refusal(codes.BAD_API_KEY_FMT, "API-key format invalid.", 401)
        pair = self._pairs.get(key)
        if pair is None:
            raise Refusal(codes.REJECTED_MBX_KEY, "Invalid API-key, IP, or permissions for action.", 401)
        return pair


def expect_recent(params: Params, timestamp_ms: int, now_us: int) -> None:
    """Raises Refusal when a request was signed too long ago, or in the future (docs of V1: Timing security)."""
    window_ms = whole_number(params, "recvWindow", _DEFAULT_RECV_WINDOW_MS)
    if window_ms > _LONGEST_RECV_WINDOW_MS:
        raise Refusal(codes.BAD_RECV_WINDOW, f"recvWindow must be less than {_LONGEST_RECV_WINDOW_MS}")
    now_ms = now_us // 1000
    if timestamp_ms >= now_ms + _AHEAD_MS:
        ahead = f"Timestamp for this request was {_AHEAD_MS}ms ahead of the server's time."
        raise Refusal(codes.INVALID_TIMESTAMP, ahead)
    if now_ms - timestamp_ms > window_ms:
        raise Refusal(codes.INVALID_TIMESTAMP, "Timestamp for this request is outside of the recvWindow.")
