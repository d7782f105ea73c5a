"""Whose request it is, by whichever scheme it was signed.

Owns: which scheme a request is taken to follow. Must not know: how each checks, what the request asks for.

A request that names a `signer` is V3's, on whatever path; any other with an API key header is V1's. With neither it
lacks what its path asks for: V3's parameters on /fapi/v3, else V1's key.
"""

from __future__ import annotations

from exchange.paper.agents import Agents
from exchange.paper.answers import Params, Request
from exchange.paper.auth_v1 import API_KEY, Keys
from exchange.paper.auth_v3 import Signatures
from exchange.paper.config import DemoCredentials, PaperSettings


class Gate:
    def __init__(self, settings: PaperSettings, demo: DemoCredentials) -> None:
        self._signatures = Signatures(settings.chain_id, Agents(settings.accounts, demo))
        self._keys = Keys(settings.accounts, demo)

    def authenticate(self, request: Request, params: Params, now_us: int) -> str:
        """The address of the account that a signed request acts for. Raises Refusal."""
        is_v3 = "signer" in params or (API_KEY not in request.headers and request.path.startswith("/fapi/v3/"))
        scheme = self._signatures if is_v3 else self._keys
        return scheme.authenticate(request, params, now_us)

    def owner_of_key(self, request: Request) -> str:
        """For V1's requests that carry a key alone, unsigned. Raises Refusal."""
        return self._keys.owner(request)
