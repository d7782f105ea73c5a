"""Where AsterDEX listens, and the EIP-712 chain id that its signatures carry."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Host:
    rest: str
    stream: str
    chain_id: int


MAINNET = Host("https://fapi.asterdex.com", "wss://fstream.asterdex.com", 1666)
TESTNET = Host("https://fapi.asterdex-testnet.com", "wss://fstream.asterdex-testnet.com", 714)
