"""Who may act for whom: API wallets (the docs' agents) and the accounts that they were approved for.

Owns: the bond between an agent and its user. Must not know: signatures, requests.

Where no accounts are listed everybody is welcome: a wallet that nobody has heard of has an account of its own, and an
agent belongs to the first user that it signs for. Where accounts are listed, they and their agents are all there is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from exchange.paper.answers import Refusal
from exchange.paper.config import DemoCredentials, KnownAccount
from exchange.protocol import codes

_BARE_ADDRESS = re.compile(r"[0-9a-f]{40}")


def plain(address: str) -> str:
    """An address as it is compared: lower case, with 0x."""
    address = address.strip().lower()
    return f"0x{address}" if _BARE_ADDRESS.fullmatch(address) else address


class Agents:
    def __init__(self, accounts: Sequence[KnownAccount] | None, demo: DemoCredentials) -> None:
        self._users = None if accounts is None else frozenset(plain(each.user) for each in accounts)
        self._user_of: dict[str, str] = {}
        if accounts is None:
            self._user_of[plain(demo.signer)] = plain(demo.user)
        for each in accounts or ():
            self._user_of |= {plain(agent): plain(each.user) for agent in each.agents}

    def user_for(self, signer: str, user: str) -> str:
        """The account that a signer acts for; `user` is empty when the request names none. Raises Refusal."""
        bound = self._user_of.get(signer)
        asked = user or bound or signer
        if self._users is None:
            if asked != signer and self._user_of.setdefault(signer, asked) != asked:
                raise Refusal(codes.UNKNOWN, codes.NO_AGENT_FOUND)
        elif asked not in self._users or asked not in (signer, bound):
            raise Refusal(codes.UNKNOWN, codes.NO_AGENT_FOUND)
        return asked
