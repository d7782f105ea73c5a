"""The key to an account's stream: made, kept and given up (docs: User Data Streams).

Owns: the three requests. Must not know: lines. They go in the class that goes first: blind to its orders, the fleet
should not be trading at all.
"""

from __future__ import annotations

import msgspec

from exchange.aster.rest import Rest
from exchange.ports import RequestClass
from exchange.protocol import endpoints
from exchange.protocol.payloads import ListenKeyBody

_decode_key = msgspec.json.Decoder(ListenKeyBody).decode


class ListenKey:
    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def start(self) -> str:
        """A key for 60 minutes; the one that lives already, if there is one. docs: Start User Data Stream. Weight 1.

        By report a key that was just deleted may come back, and expire at once.
        """
        key = await self._rest.call(endpoints.START_LISTEN_KEY, [], _decode_key, RequestClass.CANCEL)
        return key.listen_key

    async def keep(self) -> None:
        """Another 60 minutes. docs: Keepalive User Data Stream. Weight 1. BadRequest (-1125) when it is gone.

        By report this kills a key that was made right before.
        """
        await self._rest.call(endpoints.KEEP_LISTEN_KEY, [], bytes, RequestClass.CANCEL)

    async def close(self) -> None:
        """Ends the account's stream for all who listen. docs: Close User Data Stream. Weight 1."""
        await self._rest.call(endpoints.CLOSE_LISTEN_KEY, [], bytes, RequestClass.CANCEL)
