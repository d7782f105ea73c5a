"""The real exchangeInfo, as instruments and limits."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from exchange.aster.instruments import exchange_info, instrument
from exchange.model import ExchangeInfo
from exchange.protocol.payloads import ExchangeInfoBody, SymbolInfo

PATH = Path(__file__).parents[2].parent / "shared" / "aster" / "exchange_info.json"


@pytest.fixture(scope="module")
def info() -> ExchangeInfo:
    if not PATH.exists():
        pytest.skip("no shared exchangeInfo here")
    return exchange_info(msgspec.json.decode(PATH.read_bytes(), type=ExchangeInfoBody))


def test_every_symbol_with_filters_is_an_instrument(info: ExchangeInfo) -> None:
    # One of the 290 is only announced, with a tick size of 0.
    assert len(info.instruments) == 289
    assert sum(each.is_trading for each in info.instruments.values()) == 221


def test_a_symbols_filters(info: ExchangeInfo) -> None:
    aster = info.instruments["ASTERUSDT"]
    assert (aster.tick_size, aster.step_size) == (Decimal("0.0001"), Decimal("0.01"))
    assert (aster.min_ticks, aster.max_ticks, aster.min_lots, aster.max_lots) == (1, 2_000_000, 1, 200_000_000)
    assert (aster.min_notional, aster.percent_up, aster.percent_down) == (5, Decimal("1.05"), Decimal("0.95"))
    assert aster.price_text(7000) == "0.7000"


def test_bounds_lie_inside_the_filters(info: ExchangeInfo) -> None:
    for each in info.instruments.values():
        assert 0 < each.min_ticks <= each.max_ticks
        assert 0 < each.min_lots <= each.max_lots
        assert each.ticks(each.price_text(each.max_ticks)) == each.max_ticks


def test_limits_are_named_as_the_headers_spell_them(info: ExchangeInfo) -> None:
    assert [(limit.name, limit.limit) for limit in info.limits] == [
        ("REQUEST_WEIGHT_1M", 2400),
        ("ORDERS_1M", 1200),
        ("ORDERS_10S", 300),
    ]


def test_a_symbol_without_a_filter_is_named() -> None:
    row = SymbolInfo("ODDUSDT", "TRADING", "ODD", "USDT", "USDT", filters=[])
    with pytest.raises(ValueError, match=r"ODDUSDT no PRICE_FILTER"):
        instrument(row)
    assert exchange_info(ExchangeInfoBody([row])).instruments == {}
