"""What all signed requests have in common: the way out, and the instruments that parameters and answers are told in.

Owns: looking an instrument up. Must not know: any single request.
"""

from __future__ import annotations

from collections.abc import Mapping

from exchange.aster.rest import Rest
from exchange.errors import Rejected
from exchange.model import Instrument
from exchange.ports import RequestClass, Ticket

RESYNC = RequestClass.QUOTE
"""What has become of orders and positions is asked with the new quotes that wait for it, and before any is amended: who
does not know them should not quote. Not among the urgent: two hundred symbols that start would leave no weight
for a cancel."""


class SignedRequests:
    """`instruments` may grow while this lives."""

    def __init__(self, rest: Rest, instruments: Mapping[str, Instrument]) -> None:
        self._rest = rest
        self._instruments = instruments

    def _instrument(self, symbol: str, ticket: Ticket | None = None) -> Instrument:
        """Raises Rejected, and gives the ticket back."""
        try:
            return self._instruments[symbol]
        except KeyError:
            self._rest.release(ticket)
            raise Rejected(f"{symbol} is not an instrument of this venue") from None
