"""Requests signed in every way that live clients sign them (docs: Authentication signature payload; V1: SIGNED).

Owns: from parameters to query, body and headers, good and bad. Must not know: what the parameters ask for.
The signatures come from eth_account and hmac, and not from the code under test.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus, urlencode

from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_utils.crypto import keccak

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """One actor's. `private_key` is the signer's."""

    user: str
    signer: str
    private_key: str
    api_key: str = ""
    api_secret: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    query: str
    body: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class V3:
    """EIP-712; without options as the docs' example sends it."""

    in_query: bool | None = None
    """None: GET in the query, the others in the body."""
    sorts: bool = False
    signs_decoded: bool = False
    """The string is signed before it is url-encoded."""
    has_user: bool = True
    has_0x: bool = True
    v_from_0: bool = False
    is_self: bool = False
    """Signer and user are one wallet."""
    is_stamped: bool = False
    """`timestamp` and `recvWindow` are there, as in 2025."""
    chain_id: int | None = None
    user: str | None = None
    leaves_out: str = ""
    is_forged: bool = False
    """Signed with another key than the signer's."""
    signature: str | None = None
    nonce_shift_us: int = 0
    repeats_nonce: bool = False
    """The nonce is that of the request before."""
    nonce_text: str | None = None

    def send(self, keys: Keys, method: str, params: Mapping[str, str], nonce: int, chain_id: int) -> Sent:
        user = self.user or (keys.signer if self.is_self else keys.user)
        fields = dict(params)
        if self.is_stamped:
            fields |= {"recvWindow": "50000", "timestamp": str(nonce // 1000)}
        fields["nonce"] = str(nonce + self.nonce_shift_us) if self.nonce_text is None else self.nonce_text
        if self.has_user:
            fields["user"] = user
        fields["signer"] = keys.signer
        fields.pop(self.leaves_out, None)
        text = urlencode(sorted(fields.items()) if self.sorts else fields)
        private_key = _digest("another key") if self.is_forged else keys.private_key
        message = unquote_plus(text) if self.signs_decoded else text
        signed = Account.sign_message(_typed(message, self.chain_id or chain_id), private_key).signature
        if self.v_from_0:
            signed = signed[:64] + bytes((signed[64] - 27,))
        signature = self.signature if self.signature is not None else ("0x" if self.has_0x else "") + signed.hex()
        if self.leaves_out != "signature":
            text += f"&signature={signature}"
        return _sent(text, method == "GET" if self.in_query is None else self.in_query)


@dataclass(frozen=True, slots=True)
class V3Of2025:
    """ABI and EIP-191."""

    def send(self, keys: Keys, method: str, params: Mapping[str, str], nonce: int, chain_id: int) -> Sent:
        fields = dict(params) | {"recvWindow": "50000", "timestamp": str(nonce // 1000)}
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        packed = encode(["string", "address", "address", "uint256"], [text, keys.user, keys.signer, nonce])
        signed = Account.sign_message(encode_defunct(keccak(packed)), keys.private_key).signature
        fields |= {"nonce": str(nonce), "user": keys.user, "signer": keys.signer, "signature": "0x" + signed.hex()}
        return _sent(urlencode(fields), method == "GET")


@dataclass(frozen=True, slots=True, kw_only=True)
class V1:
    """A key in the header, HMAC-SHA256 over query and body."""

    in_body: bool = False
    is_mixed: bool = False
    """The first half of the parameters in the query, the rest in the body; no & between them when signed."""
    is_upper: bool = False
    """The signature is not case sensitive."""
    is_signed: bool = True
    key: str | None = None
    is_forged: bool = False
    shift_ms: int = 0
    recv_window: int | None = None
    leaves_out: str = ""

    def send(self, keys: Keys, method: str, params: Mapping[str, str], nonce: int, chain_id: int) -> Sent:
        headers = {"X-MBX-APIKEY": keys.api_key if self.key is None else self.key}
        if not self.is_signed:
            return _sent(urlencode(params), not self.in_body, headers)
        fields = dict(params)
        if self.recv_window is not None:
            fields["recvWindow"] = str(self.recv_window)
        fields["timestamp"] = str(nonce // 1000 + self.shift_ms)
        fields.pop(self.leaves_out, None)
        items = list(fields.items())
        half = len(items) // 2 if self.is_mixed else 0 if self.in_body else len(items)
        query, body = urlencode(items[:half]), urlencode(items[half:])
        secret = "another secret" if self.is_forged else keys.api_secret
        signature = hmac.new(secret.encode(), (query + body).encode(), hashlib.sha256).hexdigest()
        last = (
            "" if self.leaves_out == "signature" else f"signature={signature.upper() if self.is_upper else signature}"
        )
        if body:
            body = "&".join(filter(None, (body, last)))
        else:
            query = "&".join(filter(None, (query, last)))
        return Sent(query, body, headers | ({"Content-Type": FORM} if body else {}))


Auth = V3 | V3Of2025 | V1


def keys_from(name: str) -> Keys:
    """A wallet and its agent, the same for the same name."""
    private_key = _digest(f"conformance agent {name}")
    return Keys(
        user=Account.from_key(_digest(f"conformance wallet {name}")).address,
        signer=Account.from_key(private_key).address,
        private_key=private_key,
    )


def _digest(name: str) -> str:
    return "0x" + hashlib.sha256(name.encode()).hexdigest()


def _sent(text: str, in_query: bool, headers: dict[str, str] | None = None) -> Sent:
    if in_query or not text:
        return Sent(text, "", headers or {})
    return Sent("", text, (headers or {}) | {"Content-Type": FORM})


def _typed(message: str, chain_id: int) -> Any:
    return encode_typed_data(
        full_message={
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                "Message": [{"name": "msg", "type": "string"}],
            },
            "primaryType": "Message",
            "domain": {
                "name": "AsterSignTransaction",
                "version": "1",
                "chainId": chain_id,
                "verifyingContract": "0x" + "0" * 40,
            },
            "message": {"msg": message},
        }
    )
