"""A sound fleet file held against what the exchange lists and allows. Pure.

Owns: which promises of the file the exchange would not keep. Must not know: how the exchange is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal

from exchange.model import ExchangeInfo, Instrument
from fleet.config.cap_check import OrderSize, cap_errors, cap_warnings
from fleet.config.faults import Fault, nearest, shown
from fleet.config.loader import Loaded
from fleet.config.models import SymbolConfig
from fleet.config.rate_check import rate_errors, rate_warnings
from fleet.risk.checks import room_usd
from fleet.runtime.capital import Capital
from fleet.words import many
from strategies.ping_pong import PingPongParameters
from strategies.units import percent_text

_HIGH_LEVERAGE = 20

_ROOM = (("max_order_usd", "", 1), ("max_open_usd", ", for two sides", 2), ("max_position_usd", "", 1))
"""Limits that an order must fit in, and how many of its size."""


@dataclass(frozen=True, slots=True)
class VenueFacts:
    """What the exchange says at one moment. Prices may be partial; no `collateral_usd`: the balance is not known."""

    info: ExchangeInfo
    mids: Mapping[str, Decimal]
    marks: Mapping[str, Decimal]
    collateral_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """`errors` keep the fleet from trading as the file says; `warnings` are worth knowing before it does; so is what
    the rate limits make `slow`, of which a forecast says more."""

    errors: list[Fault]
    warnings: list[Fault]
    slow: list[Fault] = field(default_factory=list[Fault])

    @property
    def all_warnings(self) -> list[Fault]:
        return [*self.warnings, *self.slow]


def check(
    loaded: Loaded,
    info: ExchangeInfo,
    mids: Mapping[str, Decimal],
    marks: Mapping[str, Decimal],
    collateral_usd: Decimal | None,
    unsound: Iterable[str] = (),
) -> Checked:
    """Symbols without a mid, and all of them without `collateral_usd`, are not checked for their order sizes.

    `unsound`: symbols that the file has, with faults of their own; no more than whether they are traded is looked at.
    """
    checked, unsound, sizes = Checked([], promises(loaded)), tuple(unsound), list[OrderSize]()
    for symbol in unsound:
        _check_listed(loaded, symbol, info, checked)
    capital = Capital(wallet=collateral_usd or Decimal(0))
    for symbol, config in loaded.config.symbols.items():
        capital.demand(symbol, config.balance_fraction)
    for symbol, config in loaded.config.symbols.items():
        instrument = _check_listed(loaded, symbol, info, checked)
        if instrument is None:
            continue
        mid = mids.get(symbol)
        _check_band(loaded, config, instrument, mid, marks.get(symbol), checked)
        if mid is not None:
            share_usd = None if collateral_usd is None else capital.share(symbol)
            sizes.append(_size(config, instrument, mid, share_usd))
            if share_usd is not None:
                _check_size(loaded, config, instrument, mid, share_usd, checked)
    no_orders = cap_errors(loaded, sizes) if len(sizes) == len(loaded.config.symbols) and not unsound else []
    checked.errors.extend(no_orders)
    checked.warnings.extend([] if no_orders else cap_warnings(loaded, sizes))
    checked.errors.extend(rate_errors(loaded, info.limits))
    checked.slow.extend(rate_warnings(loaded, info.limits))
    return checked


def promises(loaded: Loaded) -> list[Fault]:
    """What can be warned of without asking anybody."""
    warnings: list[Fault] = []
    symbols = loaded.config.symbols
    promised = sum((config.balance_fraction for config in symbols.values()), Decimal(0))
    if promised > 1:
        what = (
            f"balance fractions add up to {_plain(promised)} of the collateral, so each is scaled to 1/{promised:.3g}"
        )
        warnings.append(loaded.fault(("symbols",), what, "fractions that add up to 1 or less"))
    for symbol, config in symbols.items():
        if config.leverage > _HIGH_LEVERAGE:
            move = percent_text((1 / Decimal(config.leverage)).quantize(Decimal("0.0001")))
            what = f"leverage {config.leverage}: a move of {move} against {symbol} takes the whole margin"
            right = f"{_HIGH_LEVERAGE} or less, unless that is meant"
            warnings.append(loaded.fault(("symbols", symbol, "leverage"), what, right))
    return warnings


def _check_listed(loaded: Loaded, symbol: str, info: ExchangeInfo, checked: Checked) -> Instrument | None:
    """The instrument, when it trades."""
    instrument = info.instruments.get(symbol)
    if instrument is None:
        near = nearest(symbol, (name for name, each in info.instruments.items() if each.is_trading))
        right = f"did you mean {near}?" if near else f"one that is, of {many(len(info.instruments), 'symbol')}"
        checked.errors.append(loaded.fault(("symbols", symbol), f"{shown(symbol)} is not listed", right))
    elif not instrument.is_trading:
        what = f"{symbol} is {instrument.status}, not TRADING"
        checked.errors.append(loaded.fault(("symbols", symbol), what, "leave it out until it trades"))
    else:
        return instrument
    return None


def _check_band(
    loaded: Loaded,
    config: SymbolConfig,
    instrument: Instrument,
    mid: Decimal | None,
    mark: Decimal | None,
    checked: Checked,
) -> None:
    parameters = config.parameters
    if not isinstance(parameters, PingPongParameters):
        return
    drift = mid / mark if mid and mark else Decimal(1)
    lowest, highest = drift * (1 - parameters.buy_spread), drift * (1 + parameters.sell_spread)
    room = {
        "buy_spread": (lowest < instrument.percent_down, 1 - instrument.percent_down / drift, parameters.buy_spread),
        "sell_spread": (highest > instrument.percent_up, instrument.percent_up / drift - 1, parameters.sell_spread),
    }
    for key, (is_outside, most, spread) in room.items():
        if is_outside:
            band = f"{_plain(instrument.percent_down)} to {_plain(instrument.percent_up)} of the mark price"
            what = f"{key} {percent_text(spread)} quotes {instrument.symbol} outside PERCENT_PRICE ({band})"
            right = (
                f"less than {percent_text(most.quantize(Decimal('0.0001')))}"
                if most > 0
                else "wait until mid is near mark"
            )
            checked.errors.append(loaded.fault(("symbols", instrument.symbol, key), what, right))


def _price_ticks(config: SymbolConfig, instrument: Instrument, mid: Decimal) -> int:
    """Of a bid."""
    buy_spread = config.parameters.buy_spread if isinstance(config.parameters, PingPongParameters) else Decimal(0)
    return max(instrument.floor_price(mid * (1 - buy_spread)), instrument.min_ticks, 1)


def _least_usd(instrument: Instrument, price_ticks: int) -> Decimal:
    least_lots = -instrument.floor_lots(-instrument.min_notional / instrument.price(price_ticks))
    return instrument.notional(price_ticks, max(instrument.min_lots, least_lots))


def _size(config: SymbolConfig, instrument: Instrument, mid: Decimal, share_usd: Decimal | None) -> OrderSize:
    ticks, wanted_usd = _price_ticks(config, instrument, mid), None
    if share_usd is not None:
        granted_usd, room = share_usd * config.leverage, room_usd(config, Decimal(0))
        lots = instrument.floor_lots(min(granted_usd, granted_usd if room is None else room) / instrument.price(ticks))
        wanted_usd = instrument.notional(ticks, min(lots, instrument.max_lots))
    return OrderSize(config.symbol, _least_usd(instrument, ticks), wanted_usd)


def _check_size(
    loaded: Loaded, config: SymbolConfig, instrument: Instrument, mid: Decimal, share_usd: Decimal, checked: Checked
) -> None:
    path = ("symbols", instrument.symbol, "balance_fraction")
    price_ticks = _price_ticks(config, instrument, mid)
    order_usd = share_usd * config.leverage
    lots = instrument.floor_lots(order_usd / instrument.price(price_ticks))
    notional = instrument.notional(price_ticks, lots)
    least_usd = _least_usd(instrument, price_ticks)
    for key, limit, times in _ROOM:
        most = getattr(config, key)
        if most is not None and most < least_usd * times:
            least = f"the exchange's minimum, {least_usd:.2f} USD"
            what = f"{key} {_plain(most)} leaves {instrument.symbol} no order of {least}"
            right = f"at least {(least_usd * times).to_integral_value(ROUND_CEILING)}{limit}"
            checked.errors.append(loaded.fault(("symbols", instrument.symbol, key), what, right))
    if lots < instrument.min_lots or notional < instrument.min_notional:
        what = (
            f"an order of {instrument.symbol} would be {order_usd:.2f} USD, {instrument.quantity_text(lots)}"
            f" {instrument.base_asset}, below the exchange's minimum of {least_usd:.2f} USD"
        )
        if order_usd > 0:
            least = (config.balance_fraction * least_usd / order_usd).quantize(Decimal("0.001"), ROUND_CEILING)
            right = f"a balance_fraction of at least {_plain(least)}" if least <= 1 else "more collateral or leverage"
        else:
            right = "collateral in a stable asset"
        checked.errors.append(loaded.fault(path, what, right))
        return
    if lots > instrument.max_lots:
        most = f"{instrument.quantity_text(instrument.max_lots)} {instrument.base_asset}"
        what = f"an order of {instrument.symbol} would be over the exchange's maximum and is cut to {most}"
        checked.warnings.append(loaded.fault(path, what, "a smaller balance_fraction"))
    threshold = getattr(config.parameters, "position_threshold_usd", None)
    if isinstance(threshold, Decimal) and notional < threshold:
        what = f"a filled order of {instrument.symbol} ({notional:.2f} USD) would still count as flat and be added to"
        right = f"position_threshold_usd below {notional:.0f}, or larger orders"
        checked.warnings.append(loaded.fault(("symbols", instrument.symbol, "position_threshold_usd"), what, right))


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
