"""V3: who signed a request, and whether its nonce is good (docs: Authentication signature payload, V3 Nonce Mechanism).

Owns: every way in which live clients sign, and the nonces of each signer. Must not know: what the request asks for.

Mainnet's chain id and testnet's are both good whatever the venue calls itself: the keys are paper, and a client set up
for either should find its way. Of the scheme of 2025 (sorted compact JSON, ABI, EIP-191) the published demo's spelling
is accepted too, which takes every space out and makes every quote a double one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from exchange.paper.agents import Agents, plain
from exchange.paper.answers import Params, Refusal, Request, malformed, required, whole_number
from exchange.paper.auth_v1 import expect_recent
from exchange.paper.nonces import Nonces
from exchange.paper.parameters import v3_messages
from exchange.protocol import codes
from exchange.protocol.hosts import MAINNET, TESTNET
from exchange.protocol.signing import recover, recover_legacy

_AUTHENTICATION = frozenset({"user", "signer", "nonce", "signature"})
_WALLET = re.compile(r"[0-9a-z]{1,64}")


class Signatures:
    def __init__(self, chain_id: int, agents: Agents) -> None:
        self._chain_ids = tuple(dict.fromkeys((chain_id, MAINNET.chain_id, TESTNET.chain_id)))
        self._agents = agents
        self._nonces: dict[str, Nonces] = {}

    def authenticate(self, request: Request, params: Params, now_us: int) -> str:
        """The address of the account that a request acts for. Raises Refusal."""
        signer = plain(required(params, "signer"))
        nonce = whole_number(params, "nonce")
        signature = required(params, "signature").strip()
        user = plain(params.get("user", ""))
        if user and not _WALLET.fullmatch(user):
            raise malformed("user")
        if not self._is_typed_data(request, signer, signature):
            if not _is_legacy(params, user, signer, nonce, signature):
                raise Refusal(codes.UNKNOWN, codes.SIGNATURE_CHECK_FAILED)
            if "timestamp" in params:
                expect_recent(params, whole_number(params, "timestamp"), now_us)
        account = self._agents.user_for(signer, user)
        nonces = self._nonces.get(signer)
        if nonces is None:
            nonces = self._nonces[signer] = Nonces()
        if not nonces.accept(nonce, now_us):
            raise Refusal(codes.NONCE_EXPIRED, codes.NONCE_EXPIRED_TEXT)
        return account

    def _is_typed_data(self, request: Request, signer: str, signature: str) -> bool:
        try:
            return any(
                recover(message, signature, chain_id).lower() == signer
                for message in v3_messages(request)
                for chain_id in self._chain_ids
            )
        except ValueError:
            return False


def _is_legacy(params: Params, user: str, signer: str, nonce: int, signature: str) -> bool:
    if not user:
        return False
    try:
        return any(
            recover_legacy(text, user, signer, nonce, signature).lower() == signer for text in _legacy_texts(params)
        )
    except ValueError:
        return False


def _legacy_texts(params: Params) -> Iterator[str]:
    signed = {name: value for name, value in params.items() if name not in _AUTHENTICATION}
    compact = json.dumps(signed, sort_keys=True, separators=(",", ":"))
    yield compact
    if not compact.isascii() or "\\u" in compact:
        yield json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    respelt = compact.replace(" ", "").replace("'", '"')
    if respelt != compact:
        yield respelt
