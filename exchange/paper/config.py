"""What a paper exchange is set up with.

Owns: the settings and their defaults. Must not know: how any of them is carried out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from exchange.model import RateLimit
from exchange.paper.brackets import Brackets, default_brackets
from exchange.paper.instruments import REAL_LIMITS, Table
from exchange.protocol.signing import Signer

STABLE_ASSETS = ("USDT", "USDF", "USDC", "USD1")
"""Assets that count as collateral at one dollar each."""


@dataclass(frozen=True, slots=True)
class Fees:
    """As fractions of notional; a negative one is a rebate."""

    maker: Decimal
    taker: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAccount:
    """An account that may be used where not everybody may: a main wallet's, or a sub-account's, which is one more."""

    name: str
    user: str
    """The wallet's address."""
    balances: Mapping[str, Decimal]
    agents: tuple[str, ...] = ()
    """Addresses of the API wallets that may sign for it; the wallet itself always may."""
    hmac_keys: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """V1: secret by key."""
    maker_fee: Decimal | None = None
    taker_fee: Decimal | None = None
    """None: as everybody's."""
    parent: str = ""
    """A sub-account's main account, by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firewall:
    """Who sends on and on against 429 and 418 is shut out by the firewall: 403, no JSON (docs: HTTP Return Codes).

    The docs tell no numbers. It is for floods: a client that waits as Retry-After says never meets it.
    """

    refusals: int = 300
    """More of them than this within `within_s`, from one address, ..."""
    within_s: int = 10
    shut_s: int = 300
    """... and it gets no other answer for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSettings:
    """`symbols` have a market from the start; those of `listed` get theirs on first touch. Fees are fractions."""

    symbols: tuple[str, ...]
    listed: tuple[str, ...] = ()
    table: Table | None = None
    """The rules of all symbols; None: those that come with the paper exchange."""
    balances: Mapping[str, Decimal] = field(default_factory=lambda: {"USDT": Decimal(10_000)})
    """What every new account is funded with."""
    multi_assets: bool | None = None
    """Whether all stable assets are collateral; None: when more than USDT is in the balances."""
    maker_fee: Decimal = Decimal("0.0001")
    taker_fee: Decimal = Decimal("0.00035")
    symbol_fees: Mapping[str, Fees] = field(default_factory=dict[str, Fees])
    """Of symbols that differ from the two above."""
    default_leverage: int = 20
    """Or the highest that a symbol's brackets allow."""
    brackets: Mapping[str, Brackets] = field(default_factory=dict[str, Brackets])
    """Of symbols whose real brackets are known."""
    funding_rate: Decimal | None = None
    """The same at every interval; None: by the premium of mark over index."""
    funding_interval_s: int | None = None
    """Every symbol's; None: each its own."""
    amend_keeps_priority: bool = False
    """Whether an amend that changes no price and adds no quantity leaves the order its place in the queue."""
    limits: tuple[RateLimit, ...] = REAL_LIMITS
    firewall: Firewall = Firewall()
    accounts: tuple[KnownAccount, ...] | None = None
    """None: everybody who signs correctly has an account, made on first use."""
    hmac_key: tuple[str, str] | None = field(default=None, repr=False)
    """The demonstration account's V1 key and secret; None: they follow from the seed."""
    listen_key_secret: str = field(default="", repr=False)
    """Without one listen keys follow from the seed, and anybody could tell another's."""
    chain_id: int = 1666
    seed: int = 0

    @property
    def assets(self) -> tuple[str, ...]:
        """All that anybody can hold here."""
        own = (asset for each in self.accounts or () for asset in each.balances)
        return tuple(dict.fromkeys((*STABLE_ASSETS, *self.balances, *own)))

    def has_account(self, address: str) -> bool:
        """Whether there is such an account, or one is made on first use; the address in lower case."""
        return self.accounts is None or self._known(address) is not None

    def brackets_of(self, symbol: str) -> Brackets:
        return self.brackets.get(symbol) or default_brackets(symbol)

    def fees_of(self, symbol: str) -> Fees:
        return self.symbol_fees.get(symbol) or Fees(self.maker_fee, self.taker_fee)

    @property
    def is_multi_assets(self) -> bool:
        return any(asset != "USDT" for asset in self.balances) if self.multi_assets is None else self.multi_assets

    def of(self, address: str) -> PaperSettings:
        """What holds for one account, by its wallet's address in lower case: a listed one has balances of its own."""
        known = self._known(address)
        return self if known is None else replace(self, balances=known.balances)

    def own_fees(self, address: str) -> Fees | None:
        """A listed account's rates, when it has any of its own."""
        known = self._known(address)
        if known is None or (known.maker_fee is None and known.taker_fee is None):
            return None
        return Fees(
            self.maker_fee if known.maker_fee is None else known.maker_fee,
            self.taker_fee if known.taker_fee is None else known.taker_fee,
        )

    def _known(self, address: str) -> KnownAccount | None:
        return next((each for each in self.accounts or () if each.user.lower() == address), None)


@dataclass(frozen=True, slots=True)
class DemoCredentials:
    """Keys to the demonstration account. They open paper money only, and are the same for the same seed."""

    user: str
    signer: str
    private_key: str = field(repr=False)
    api_key: str
    api_secret: str = field(repr=False)


def demo_credentials(seed: int, chain_id: int = 1666, hmac_key: tuple[str, str] | None = None) -> DemoCredentials:
    """`hmac_key`: a V1 key and its secret, instead of those that follow from the seed."""

    def derive(what: str) -> str:
        return hashlib.sha256(f"astermm paper {what} {seed}".encode()).hexdigest()

    private_key = "0x" + derive("agent")
    user = Signer("0x" + derive("wallet"), chain_id, "").address
    return DemoCredentials(
        user=user,
        signer=Signer(private_key, chain_id, user).address,
        private_key=private_key,
        api_key=hmac_key[0] if hmac_key else derive("api key"),
        api_secret=hmac_key[1] if hmac_key else derive("api secret"),
    )
