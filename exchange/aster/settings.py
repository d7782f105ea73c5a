"""Signed requests that change how an account trades, or ask how it does (docs: Account/Trades Endpoints).

Owns: which parameters each request carries. Must not know: how a request is signed, admitted or sent.

Each docstring names the docs' section, the weight, and the errors to reckon with beside those of any request. What is
so already is no error.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from exchange.aster.signed import RESYNC, SignedRequests
from exchange.aster.values import MarginType
from exchange.aster.wording import chosen, done
from exchange.errors import NothingToChange
from exchange.model import PositionSide, Protection, StpMode
from exchange.protocol import endpoints, payloads
from exchange.protocol.endpoints import Endpoint

_leverage = msgspec.json.Decoder(payloads.LeverageBody).decode
_position_mode = msgspec.json.Decoder(payloads.PositionModeBody).decode
_multi_assets = msgspec.json.Decoder(payloads.MultiAssetsBody).decode
_stp_mode = msgspec.json.Decoder(payloads.StpModeBody).decode
_protections = msgspec.json.Decoder(list[payloads.MmpRow]).decode


class SettingsRequests(SignedRequests):
    # --- of a symbol

    async def set_leverage(self, symbol: str, leverage: int) -> int:
        """The leverage from now on, 1 to 125. docs: Change Initial Leverage. Weight 1. BadRequest, LimitReached,
        InsufficientMargin, NotPermitted.
        """
        params = chosen(symbol=symbol, leverage=leverage)
        # The first quotes wait for it.
        return (await self._rest.call(endpoints.SET_LEVERAGE, params, _leverage, RESYNC)).leverage

    async def set_margin_type(self, symbol: str, margin_type: MarginType) -> None:
        """docs: Change Margin Type. Weight 1. NotPermitted with open orders or a position."""
        await self._change(endpoints.SET_MARGIN_TYPE, chosen(symbol=symbol, marginType=margin_type))

    async def change_position_margin(
        self, symbol: str, amount: Decimal, position_side: PositionSide = PositionSide.BOTH
    ) -> None:
        """Gives margin to an isolated position; a negative amount takes it away.

        docs: Modify Isolated Position Margin. Weight 1. Rejected without such a position, InsufficientMargin.
        """
        params = chosen(
            symbol=symbol, positionSide=position_side, amount=f"{abs(amount):f}", type=1 if amount >= 0 else 2
        )
        await self._rest.call(endpoints.CHANGE_POSITION_MARGIN, params, done)

    async def set_protection(self, protection: Protection) -> None:
        """docs: Update User MMP. Weight 1."""
        params = chosen(
            symbol=protection.symbol,
            windowTimeInMilliseconds=protection.window_ms,
            frozenTimeInMilliseconds=protection.frozen_ms,
            qtyLimit=protection.quantity_limit or None,
            valueLimit=protection.value_limit or None,
            deltaLimit=protection.delta_limit or None,
        )
        await self._rest.call(endpoints.SET_MMP, params, done)

    async def protections(self, symbol: str | None = None) -> list[Protection]:
        """docs: Get User MMP. Weight 1."""

        def decode(body: bytes) -> list[Protection]:
            return [
                Protection(
                    symbol=row.symbol,
                    window_ms=row.window_time_in_milliseconds,
                    frozen_ms=row.frozen_time_in_milliseconds,
                    quantity_limit=row.qty_limit,
                    value_limit=row.value_limit,
                    delta_limit=row.delta_limit,
                )
                for row in _protections(body)
            ]

        return await self._rest.call(endpoints.GET_MMP, chosen(symbol=symbol), decode)

    async def delete_protection(self, symbol: str) -> None:
        """docs: Delete User MMP. Weight 1."""
        await self._rest.call(endpoints.DELETE_MMP, [("symbol", symbol)], done)

    async def reset_protection(self, symbol: str) -> None:
        """Ends a frozen time before its time. docs: Reset User MMP. Weight 1."""
        await self._rest.call(endpoints.RESET_MMP, [("symbol", symbol)], done)

    # --- of every symbol

    async def set_hedge_mode(self, is_on: bool) -> None:
        """docs: Change Position Mode. Weight 1. NotPermitted with open orders or a position."""
        await self._change(endpoints.SET_POSITION_MODE, chosen(dualSidePosition=is_on))

    async def is_hedge_mode(self) -> bool:
        """docs: Get Current Position Mode. Weight 30."""
        return (await self._rest.call(endpoints.GET_POSITION_MODE, [], _position_mode)).dual_side_position

    async def set_multi_assets_mode(self, is_on: bool) -> None:
        """docs: Change Multi-Assets Mode. Weight 1. Rejected with isolated positions."""
        await self._change(endpoints.SET_MULTI_ASSETS, chosen(multiAssetsMargin=is_on))

    async def is_multi_assets_mode(self) -> bool:
        """docs: Get Current Multi-Assets Mode. Weight 30."""
        return (await self._rest.call(endpoints.GET_MULTI_ASSETS, [], _multi_assets)).multi_assets_margin

    async def set_stp_mode(self, mode: StpMode) -> None:
        """Which side goes when two orders of ours would trade. docs: Change STP Mode. Weight 1."""
        await self._change(endpoints.SET_STP_MODE, chosen(stpMode=mode))

    async def stp_mode(self) -> StpMode:
        """docs: Get Current STP Mode. Weight 30."""
        return await self._rest.call(endpoints.GET_STP_MODE, [], lambda body: StpMode(_stp_mode(body).stp_mode))

    async def _change(self, endpoint: Endpoint, params: Sequence[tuple[str, str]]) -> None:
        try:
            await self._rest.call(endpoint, params, done)
        except NothingToChange:
            return
