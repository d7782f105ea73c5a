"""The exchange's own market maker protection of one symbol: set as the file has it, and told of when it is at work.

Owns: the exchange's side of it, and once a freeze what its owner should know. Must not know: the fleet's own limits.
"""

from __future__ import annotations

from exchange.clock import Clock
from exchange.errors import Rejected
from exchange.model import Protection
from exchange.ports import Trading
from fleet.config.risk import Mmp
from fleet.runtime.journal import Journal
from strategies.units import duration_text


class ExchangeProtection:
    def __init__(self, symbol: str, trading: Trading, clock: Clock, journal: Journal) -> None:
        self._symbol = symbol
        self._trading = trading
        self._clock = clock
        self._journal = journal
        self._told_until_us: int | None = 0
        """The freeze that was told of is over by then; None: not before the protection is set anew."""

    async def put(self, mmp: Mmp | None) -> None:
        """As the file has it. Where the exchange refuses it, the symbol trades on without."""
        try:
            if mmp is None:
                await self._trading.delete_protection(self._symbol)
                return
            limits = (mmp.quantity, mmp.value, mmp.delta)
            await self._trading.set_protection(Protection(self._symbol, mmp.window_ms, mmp.frozen_ms, *limits))
            # Frozen by what an earlier run filled, it would refuse the first quotes.
            await self._trading.reset_protection(self._symbol)
            self._told_until_us = 0
        except Rejected as error:
            text = f"the exchange's market maker protection is not as in the file: {error}"
            self._journal.warning(text, self._symbol)

    def took_no_order(self, mmp: Mmp, *, is_held: bool) -> None:
        """`is_held`: there is a position."""
        now_us = self._clock.steady_us()
        if self._told_until_us is None or now_us < self._told_until_us:
            return
        # It has begun before the first refusal, so that by then another one may have.
        self._told_until_us = now_us + mmp.frozen_ms * 1000 if mmp.frozen_ms else None
        if mmp.frozen_ms:
            how_long = f"for up to {duration_text(mmp.frozen_ms)}"
        else:
            how_long = "until mmp is edited or the fleet starts again"
        what = "no order is taken" + ", and its position is not reduced meanwhile" * is_held
        text = f"the exchange's market maker protection has frozen it {how_long}: {what}"
        self._journal.incident("frozen", text, self._symbol, "WARNING")
