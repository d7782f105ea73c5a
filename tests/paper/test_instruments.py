from __future__ import annotations

import json
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from exchange.paper import instruments
from exchange.protocol.payloads import ExchangeInfoBody

REAL = Path(__file__).parents[2].parent / "shared" / "aster" / "exchange_info.json"


@pytest.fixture(scope="module")
def real() -> dict[str, Any]:
    if not REAL.exists():
        pytest.skip("the real exchangeInfo is not on this machine")
    return json.loads(REAL.read_text())


def test_the_package_data_are_the_real_symbols(real: dict[str, Any]) -> None:
    packaged = files("exchange.paper").joinpath("instruments.csv").read_text("utf-8")
    assert packaged == instruments.to_csv(real)
    assert len(packaged) < 60_000


def test_every_symbol_is_served_with_its_real_filters(real: dict[str, Any]) -> None:
    served = json.loads(
        instruments.exchange_info(instruments.all_symbols(), instruments.REAL_LIMITS, ("USDT",), 1_750_000_000_000)
    )
    assert served["rateLimits"] == real["rateLimits"]
    assert served["serverTime"] == 1_750_000_000_000
    undocumented = {"contractType", "underlyingSubType"}
    by_kind = {each["symbol"]: {f["filterType"]: f for f in each["filters"]} for each in real["symbols"]}
    for mine, theirs in zip(served["symbols"], real["symbols"], strict=True):
        assert {f["filterType"]: f for f in mine["filters"]} == by_kind[mine["symbol"]]
        for name in mine.keys() - undocumented - {"filters"}:
            assert mine[name] == theirs[name], (mine["symbol"], name)


def test_a_client_can_decode_what_is_served() -> None:
    import msgspec

    body = instruments.exchange_info(("BTCUSDT", "ASTERUSDT"), instruments.REAL_LIMITS, ("USDT",), 1)
    info = msgspec.json.decode(body, type=ExchangeInfoBody)
    assert [each.symbol for each in info.symbols] == ["BTCUSDT", "ASTERUSDT"]


def test_money_of_every_trading_symbol_fits_into_eight_digits() -> None:
    for symbol in instruments.trading_symbols():
        instrument = instruments.instrument(symbol)
        assert (instrument.tick_size * instrument.step_size) % Decimal("0.00000001") == 0, symbol


def test_an_unpriced_symbol_has_no_rules_yet() -> None:
    with pytest.raises(ValueError, match="no tick or step size yet"):
        instruments.rules("WIFUSDT")
