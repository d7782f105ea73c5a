"""exchange.ports.Trading: all signed requests, by subject (docs: Account/Trades Endpoints).

Owns: nothing but their joining. Must not know: what any of them sends.
"""

from __future__ import annotations

from exchange.aster.account import AccountRequests
from exchange.aster.orders import OrderRequests
from exchange.aster.settings import SettingsRequests


class AsterTrading(OrderRequests, AccountRequests, SettingsRequests):
    """What the fleet needs of it is exchange.ports.Trading; the rest is for its owner."""
