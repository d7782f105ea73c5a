"""Whose request it is: V3 signatures and nonces, V1 keys.

Owns: which wallet a request acts for, and every reason to doubt it (docs: Authentication, V3 Nonce Mechanism).
Must not know: what the request asks for.

A V3 signature may be over the parameter string as it was received or over its decoded form, with `user` or without.
A wallet nobody has heard of that signs correctly is welcome: it gets a demonstration account of its own. An agent
belongs to the first `user` it signs for; without `user` it acts for that one, else for itself.
"""

from __future__ import annotations

import bisect
import hmac
from urllib.parse import parse_qsl, unquote, unquote_plus

from exchange.paper.answers import Params, Refusal, Request
from exchange.paper.config import DemoCredentials
from exchange.protocol import codes
from exchange.protocol.signing import hmac_signature, recover

_NONCE_SLACK_US = 10_000_000
_KEPT_NONCES = 100
_DEFAULT_RECV_WINDOW_MS = 5000
_LONGEST_RECV_WINDOW_MS = 60_000


class Nonces:
    """The most recent nonces of one signer."""

    def __init__(self) -> None:
        self._kept: list[int] = []

    def accept(self, nonce: int, now_us: int) -> bool:
        if abs(now_us - nonce) > _NONCE_SLACK_US:
            return False
        kept = self._kept
        place = bisect.bisect_left(kept, nonce)
        if place < len(kept) and kept[place] == nonce:
            return False
        if len(kept) >= _KEPT_NONCES:
            if place == 0:
                return False
            del kept[0]
            place -= 1
        kept.insert(place, nonce)
        return True


class Gate:
    def __init__(self, chain_id: int, demo: DemoCredentials) -> None:
        self._chain_id = chain_id
        self._demo = demo
        self._nonces: dict[str, Nonces] = {}
        self._user_of: dict[str, str] = {demo.signer.lower(): demo.user.lower()}

    def parameters(self, request: Request) -> dict[str, str]:
        """A request's parameters, from query and body. Raises Refusal when one comes twice."""
        pairs = parse_qsl(request.query, keep_blank_values=True)
        pairs += parse_qsl(_text(request.body), keep_blank_values=True)
        parameters = dict(pairs)
        if len(parameters) != len(pairs):
            raise Refusal(codes.TOO_MANY_PARAMETERS, "Duplicate values for a parameter detected.")
        return parameters

    def authenticate(self, request: Request, parameters: Params, now_us: int) -> str:
        """The address of the wallet that a signed request acts for. Raises Refusal."""
        if "x-mbx-apikey" in request.headers:
            return self._authenticate_v1(request, parameters, now_us)
        return self._authenticate_v3(request, parameters, now_us)

    def owner_of_key(self, request: Request) -> str | None:
        """V1's listen key requests carry the key alone, unsigned."""
        if request.headers.get("x-mbx-apikey") == self._demo.api_key:
            return self._demo.user.lower()
        return None

    def _authenticate_v3(self, request: Request, parameters: Params, now_us: int) -> str:
        signature = parameters.get("signature", "")
        signer = parameters.get("signer", "").lower()
        nonce = parameters.get("nonce", "")
        for name, value in (("signer", signer), ("nonce", nonce), ("signature", signature)):
            if not value:
                raise Refusal(
                    codes.MANDATORY_PARAM_EMPTY_OR_MALFORMED,
                    f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
                )
        if not (nonce.isascii() and nonce.isdigit() and len(nonce) <= 18):
            raise Refusal(codes.NONCE_EXPIRED, codes.NONCE_EXPIRED_TEXT)
        message = _signed_text(request)
        if not any(self._is_signed_by(signer, form, signature) for form in _forms(message)):
            raise Refusal(codes.UNKNOWN, codes.SIGNATURE_CHECK_FAILED)
        user = parameters.get("user", "").lower() or self._user_of.get(signer, signer)
        if user != signer and self._user_of.setdefault(signer, user) != user:
            raise Refusal(codes.UNKNOWN, codes.NO_AGENT_FOUND)
        nonces = self._nonces.get(signer)
        if nonces is None:
            nonces = self._nonces[signer] = Nonces()
        if not nonces.accept(int(nonce), now_us):
            raise Refusal(codes.NONCE_EXPIRED, codes.NONCE_EXPIRED_TEXT)
        return user

    def _is_signed_by(self, signer: str, message: str, signature: str) -> bool:
        try:
            return recover(message, signature, self._chain_id).lower() == signer
        except ValueError:
            return False

    def _authenticate_v1(self, request: Request, parameters: Params, now_us: int) -> str:
        if request.headers["x-mbx-apikey"] != self._demo.api_key:
            raise Refusal(codes.REJECTED_MBX_KEY, "Invalid API-key, IP, or permissions for action.", 401)
        signature = parameters.get("signature", "")
        message = _without_signature(request.query) + _without_signature(_text(request.body))
        expected = hmac_signature(self._demo.api_secret, message)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise Refusal(codes.INVALID_SIGNATURE, "Signature for this request is not valid.")
        timestamp = _milliseconds(parameters, "timestamp", None)
        window = min(_milliseconds(parameters, "recvWindow", _DEFAULT_RECV_WINDOW_MS), _LONGEST_RECV_WINDOW_MS)
        now_ms = now_us // 1000
        if not now_ms - window <= timestamp <= now_ms + 1000:
            raise Refusal(codes.INVALID_TIMESTAMP, "Timestamp for this request is outside of the recvWindow.")
        return self._demo.user.lower()


def _milliseconds(parameters: Params, name: str, default: int | None) -> int:
    text = parameters.get(name, "")
    if not text and default is not None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Refusal(
            codes.MANDATORY_PARAM_EMPTY_OR_MALFORMED,
            f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
        )
    return int(text)


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def _signed_text(request: Request) -> str:
    """Query and body as received, without the signature."""
    parts = (_without_signature(request.query), _without_signature(_text(request.body)))
    return "&".join(part for part in parts if part)


def _without_signature(text: str) -> str:
    return "&".join(pair for pair in text.split("&") if not pair.startswith("signature="))


def _forms(message: str) -> list[str]:
    """What may have been signed: the string as received, and its decoded forms."""
    return list(dict.fromkeys((message, unquote_plus(message), unquote(message))))
