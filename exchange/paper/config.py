"""What a paper exchange is set up with.

Owns: the settings and their defaults. Must not know: how any of them is carried out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from exchange.model import RateLimit
from exchange.paper.instruments import REAL_LIMITS
from exchange.protocol.signing import Signer

STABLE_ASSETS = ("USDT", "USDF", "USDC", "USD1")
"""Assets that count as collateral at one dollar each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSettings:
    """`symbols` have a market from the start; those of `listed` get theirs on first touch. Fees are fractions."""

    symbols: tuple[str, ...]
    listed: tuple[str, ...] = ()
    balances: Mapping[str, Decimal] = field(default_factory=lambda: {"USDT": Decimal(10_000)})
    """What every new account is funded with."""
    multi_assets: bool | None = None
    """Whether all stable assets are collateral; None: when more than USDT is in the balances."""
    maker_fee: Decimal = Decimal("0.0001")
    taker_fee: Decimal = Decimal("0.00035")
    default_leverage: int = 20
    max_leverage: int = 125
    maintenance_rate: Decimal = Decimal("0.005")
    """Maintenance margin as a fraction of position notional at mark."""
    funding_rate: Decimal = Decimal("0.0001")
    funding_interval_s: int = 8 * 3600
    amend_keeps_priority: bool = False
    """Whether an amend that changes no price and adds no quantity leaves the order its place in the queue."""
    limits: tuple[RateLimit, ...] = REAL_LIMITS
    chain_id: int = 1666
    seed: int = 0

    @property
    def is_multi_assets(self) -> bool:
        return any(asset != "USDT" for asset in self.balances) if self.multi_assets is None else self.multi_assets


@dataclass(frozen=True, slots=True)
class DemoCredentials:
    """Keys to the demonstration account. They open paper money only, and are the same for the same seed."""

    user: str
    signer: str
    private_key: str
    api_key: str
    api_secret: str


def demo_credentials(seed: int, chain_id: int = 1666) -> DemoCredentials:
    def derive(what: str) -> str:
        return hashlib.sha256(f"astermm paper {what} {seed}".encode()).hexdigest()

    private_key = "0x" + derive("agent")
    user = Signer("0x" + derive("wallet"), chain_id, "").address
    return DemoCredentials(
        user=user,
        signer=Signer(private_key, chain_id, user).address,
        private_key=private_key,
        api_key=derive("api key"),
        api_secret=derive("api secret"),
    )
