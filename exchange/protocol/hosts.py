"""Where AsterDEX listens, and the EIP-712 chain id that its signatures carry."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Host:
    rest: str
    stream: str
    chain_id: int


# The docs' examples name fapi3 too: by report it answers 403 to some datacentres that fapi serves. Those of the testnet
# name fstream5 beside the host below.
MAINNET = Host("https://fapi.asterdex.com", "wss://fstream.asterdex.com", 1666)
TESTNET = Host("https://fapi.asterdex-testnet.com", "wss://fstream.asterdex-testnet.com", 714)
