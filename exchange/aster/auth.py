"""How a request shows who sends it: V3 (signer and nonce) or V1 (API key and timestamp).

Owns: the parameters that authentication adds, and the source of nonces. Must not know: what a request asks for.
"""

from __future__ import annotations

from typing import Protocol

from exchange.aster.nonce_window import NonceWindow
from exchange.clock import Clock
from exchange.protocol.endpoints import Endpoint
from exchange.protocol.signing import Signer, hmac_signature


class Auth(Protocol):
    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]: ...

    @property
    def window(self) -> NonceWindow | None:
        """To be entered before `sign`, where the venue remembers only so many requests."""
        ...

    def path(self, endpoint: Endpoint) -> str: ...

    def next_nonce(self) -> int | None:
        """What the next request is to be signed with, right before it is sent; None where nonces are not known."""
        ...

    def sign(self, query: str, nonce: int | None) -> str:
        """The url-encoded parameters as they are sent, signature included."""
        ...


class Nonces:
    """Microseconds, strictly increasing: one source for each signer, or the venue refuses the later of two.

    The venue forgets all but its 100 most recent nonces, so they are taken when sending, not when deciding.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        self._last = max(self._last + 1, self._clock.now_us())
        return self._last


class SignerAuth:
    """V3: nonce, user, signer, and an EIP-712 signature over the whole string."""

    headers: tuple[tuple[bytes, bytes], ...] = ()

    def __init__(self, signer: Signer, clock: Clock) -> None:
        self.window = NonceWindow()
        self._signer = signer
        self._nonces = Nonces(clock)
        self._who = f"user={signer.user}&signer={signer.signer}"

    def path(self, endpoint: Endpoint) -> str:
        return endpoint.path

    def next_nonce(self) -> int | None:
        return self._nonces.next()

    def sign(self, query: str, nonce: int | None) -> str:
        message = f"{query}{'&' if query else ''}nonce={nonce}&{self._who}"
        return f"{message}&signature={self._signer.sign(message)}"


class HmacAuth:
    """V1 (legacy): API key header, timestamp, HMAC-SHA256. Shows its secret to nobody."""

    window = None

    def __init__(self, api_key: str, secret: str, clock: Clock, *, recv_window_ms: int = 5000) -> None:
        self.headers = ((b"x-mbx-apikey", api_key.encode()),)
        self._secret = secret
        self._clock = clock
        self._recv_window_ms = recv_window_ms

    def __repr__(self) -> str:
        return "HmacAuth()"

    def path(self, endpoint: Endpoint) -> str:
        return endpoint.v1_path

    def next_nonce(self) -> int | None:
        return None

    def sign(self, query: str, nonce: int | None) -> str:
        window = f"recvWindow={self._recv_window_ms}&timestamp={self._clock.now_ms()}"
        message = f"{query}{'&' if query else ''}{window}"
        return f"{message}&signature={hmac_signature(self._secret, message)}"
