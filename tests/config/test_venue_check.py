from __future__ import annotations

from decimal import Decimal

import pytest

from exchange.model import ExchangeInfo, Instrument, RateLimit
from fleet.config.loader import Loaded, parse
from fleet.config.venue_check import check, promises

MIDS = {"ASTERUSDT": Decimal(2), "BTCUSDT": Decimal(100000)}
LIMITS = (RateLimit("REQUEST_WEIGHT", 60, 2400), RateLimit("ORDERS", 60, 1200), RateLimit("ORDERS", 10, 300))


def instrument(
    symbol: str, tick: str, step: str, band: str, status: str = "TRADING", max_lots: int = 10**9
) -> Instrument:
    return Instrument(
        symbol=symbol,
        base_asset=symbol.removesuffix("USDT"),
        quote_asset="USDT",
        margin_asset="USDT",
        status=status,
        tick_size=Decimal(tick),
        step_size=Decimal(step),
        min_ticks=1,
        max_ticks=10**9,
        min_lots=1,
        max_lots=max_lots,
        min_notional=Decimal(5),
        percent_up=1 + Decimal(band),
        percent_down=1 - Decimal(band),
    )


INFO = ExchangeInfo(
    {
        each.symbol: each
        for each in (
            instrument("ASTERUSDT", "0.0001", "0.01", "0.05", max_lots=1_000_000),
            instrument("BTCUSDT", "0.1", "0.001", "0.02"),
            instrument("OLDUSDT", "0.1", "0.1", "0.02", status="SETTLING"),
        )
    },
    LIMITS,
    0,
)


def loaded(symbols: str, more: str = "") -> Loaded:
    text = f"""\
fleet: a
venue: paper
defaults: {{buy_spread: 1%, sell_spread: 1%, balance_fraction: 0.1}}
symbols:
  {symbols}
{more}
"""
    return parse(text, "f", {})


def errors(symbols: str, collateral: int = 10_000, mids: dict[str, Decimal] = MIDS) -> list[str]:
    return [str(fault) for fault in check(loaded(symbols), INFO, mids, mids, Decimal(collateral)).errors]


def warnings(symbols: str, more: str = "", collateral: int = 10_000) -> list[str]:
    return [str(fault) for fault in check(loaded(symbols, more), INFO, MIDS, MIDS, Decimal(collateral)).all_warnings]


def test_a_file_that_the_exchange_can_serve_has_no_faults() -> None:
    checked = check(loaded("ASTERUSDT: {}\n  BTCUSDT: {leverage: 20}"), INFO, MIDS, MIDS, Decimal(10_000))
    assert (checked.errors, checked.all_warnings) == ([], [])


@pytest.mark.parametrize(
    ("symbols", "fault"),
    [
        ("ASTRUSDT: {}", "f:5:3: ASTRUSDT is not listed: did you mean ASTERUSDT?"),
        ("asterusdt: {}", "f:5:3: asterusdt is not listed: did you mean ASTERUSDT?"),
        ("XYZ: {}", "f:5:3: XYZ is not listed: one that is, of 3 symbols"),
        ("OLDUSDT: {}", "f:5:3: OLDUSDT is SETTLING, not TRADING: leave it out until it trades"),
        (
            "ASTERUSDT: {balance_fraction: 0.0001}",
            "f:5:33: an order of ASTERUSDT would be 0.98 USD, 0.49 ASTER, below the exchange's minimum of 5.01 USD:"
            " a balance_fraction of at least 0.001",
        ),
        (
            "BTCUSDT: {balance_fraction: 0.005}",
            "f:5:31: an order of BTCUSDT would be 49.00 USD, 0.000 BTC, below the exchange's minimum of 99.00 USD:"
            " a balance_fraction of at least 0.011",
        ),
        (
            "BTCUSDT: {buy_spread: 2.5%}",
            "f:5:25: buy_spread 2.5% quotes BTCUSDT outside PERCENT_PRICE (0.98 to 1.02 of the mark price): less than 2%",
        ),
        (
            "BTCUSDT: {sell_spread: 300bps}",
            "f:5:26: sell_spread 3% quotes BTCUSDT outside PERCENT_PRICE (0.98 to 1.02 of the mark price): less than 2%",
        ),
        (
            "ASTERUSDT: {balance_fraction: 0.5, max_order_usd: 4}",
            "f:5:53: max_order_usd 4 leaves ASTERUSDT no order of the exchange's minimum, 5.01 USD: at least 6",
        ),
        (
            "ASTERUSDT: {balance_fraction: 0.5, max_open_usd: 8}",
            "f:5:52: max_open_usd 8 leaves ASTERUSDT no order of the exchange's minimum, 5.01 USD: at least 11, for two sides",
        ),
    ],
)
def test_what_the_exchange_would_refuse_is_an_error(symbols: str, fault: str) -> None:
    assert errors(symbols) == [fault]


def test_a_spread_within_the_band_is_out_of_it_when_mid_is_off_the_mark() -> None:
    marks = {"BTCUSDT": Decimal(101_500)}
    checked = check(loaded("BTCUSDT: {}"), INFO, MIDS, marks, Decimal(10_000))
    assert [str(fault) for fault in checked.errors] == [
        "f:3:24: buy_spread 1% quotes BTCUSDT outside PERCENT_PRICE (0.98 to 1.02 of the mark price): less than 53bps"
    ]


def test_fractions_over_one_are_scaled_before_sizes_are_judged() -> None:
    symbols = "ASTERUSDT: {balance_fraction: 1}\n  BTCUSDT: {balance_fraction: 0.1}"
    assert errors(symbols, collateral=1200) == []
    assert len(errors("ASTERUSDT: {balance_fraction: 1}\n  BTCUSDT: {balance_fraction: 0.1}", collateral=1050)) == 1


def test_leverage_makes_an_order_large_enough() -> None:
    assert len(errors("BTCUSDT: {leverage: 1}", collateral=500)) == 1
    assert errors("BTCUSDT: {leverage: 3}", collateral=500) == []


@pytest.mark.parametrize(("collateral", "mids"), [(0, MIDS), (None, MIDS), (Decimal(1), {})])
def test_sizes_are_judged_only_by_known_prices_and_balances(
    collateral: Decimal | None, mids: dict[str, Decimal]
) -> None:
    checked = check(loaded("ASTERUSDT: {}"), INFO, mids, mids, collateral)
    assert len(checked.errors) == (1 if collateral == 0 else 0)


TWO = "ASTERUSDT: {}\n  BTCUSDT: {}"
OF_BTC = "the smallest of the exchange, 99.00 USD of BTCUSDT"
TO_STOP = "; to have nothing quoted say `astermm-fleet kill`"
SMALLER = "or smaller orders (balance_fraction, max_order_usd)"


@pytest.mark.parametrize(
    ("symbols", "risk", "told"),
    [
        (TWO, "{max_open_usd: 980}", []),
        ("ASTERUSDT: {max_order_usd: 50}", "{max_open_usd: 50, max_position_usd: 50}", []),
        (
            TWO,
            "{max_open_usd: 5}",
            [
                "error: f:7:22: max_open_usd 5 leaves the fleet no order, not even the smallest of the exchange, 5.01 USD of"
                f" ASTERUSDT: at least 6{TO_STOP}"
            ],
        ),
        (
            "BTCUSDT: {}",
            "{max_position_usd: 98.5, max_open_usd: 99}",
            [
                f"error: f:6:26: max_position_usd 98.5 leaves the fleet no order, not even {OF_BTC}: at least 99{TO_STOP}",
            ],
        ),
        (
            "ASTERUSDT: {}",
            "{max_open_usd: 500}",
            [
                "warning: f:6:22: an order of ASTERUSDT would be 979.98 USD and is not placed, as max_open_usd of the fleet"
                f" is 500: at least 980, {SMALLER}"
            ],
        ),
        (
            TWO,
            "{max_position_usd: 500}",
            [
                "warning: f:7:26: an order of ASTERUSDT and 1 more would be up to 979.98 USD and is not placed, as"
                f" max_position_usd of the fleet is 500: at least 980, {SMALLER}"
            ],
        ),
        # What is wanted of a symbol is what its own caps let it be.
        ("ASTERUSDT: {max_open_usd: 400}", "{max_open_usd: 200}", []),
        ("ASTERUSDT: {leverage: 2}", "{max_open_usd: 1500}", ["1959.98"]),
    ],
)
def test_caps_of_the_fleet_that_leave_no_room_for_an_order_are_told(symbols: str, risk: str, told: list[str]) -> None:
    checked = check(loaded(symbols, f"risk: {risk}"), INFO, MIDS, MIDS, Decimal(10_000))
    faults = [
        *(f"error: {fault}" for fault in checked.errors),
        *(f"warning: {fault}" for fault in checked.all_warnings),
    ]
    assert len(faults) == len(told)
    assert all(words in fault for words, fault in zip(told, faults, strict=True))


@pytest.mark.parametrize(("mids", "is_told"), [(MIDS, True), ({"BTCUSDT": MIDS["BTCUSDT"]}, False), ({}, False)])
def test_that_nothing_fits_is_told_once_every_price_is_known(mids: dict[str, Decimal], is_told: bool) -> None:
    file = loaded(TWO, "risk: {max_open_usd: 5}")
    assert bool(check(file, INFO, mids, mids, None).errors) is is_told
    assert not check(file, INFO, mids, mids, None, unsound=["BTCUSDT"]).errors


@pytest.mark.parametrize(
    ("symbols", "more", "warning"),
    [
        (
            "ASTERUSDT: {balance_fraction: 0.9}\n  BTCUSDT: {balance_fraction: 0.6}",
            "",
            "f:4:1: balance fractions add up to 1.5 of the collateral, so each is scaled to 1/1.5: fractions that add up"
            " to 1 or less",
        ),
        (
            "ASTERUSDT: {leverage: 50}",
            "",
            "f:5:25: leverage 50: a move of 2% against ASTERUSDT takes the whole margin: 20 or less, unless that is meant",
        ),
        (
            "ASTERUSDT: {refresh_interval: 100ms}",
            "",
            "f:5:33: 1 symbol may ask for 1200 amends in 1m (2 every 100ms: 1200 for ASTERUSDT alone), but ORDERS_1M"
            " leaves 1080 (1200 x 0.9): refresh intervals 1.2 times as long, or quotes will wait (`plan` foresees how long)",
        ),
        (
            "ASTERUSDT: {refresh_interval: 100ms, entry: long}",
            "budget: {safety: 0.25}",
            "f:5:33: 1 symbol may ask for 600 amends in 1m (1 every 100ms: 600 for ASTERUSDT alone), but ORDERS_1M"
            " leaves 300 (1200 x 0.25): refresh intervals 2.0 times as long, or quotes will wait (`plan` foresees how long)",
        ),
        (
            "ASTERUSDT: {position_threshold_usd: 2000}",
            "",
            "f:5:39: a filled order of ASTERUSDT (979.98 USD) would still count as flat and be added to:"
            " position_threshold_usd below 980, or larger orders",
        ),
        (
            "ASTERUSDT: {leverage: 20, balance_fraction: 1}",
            "",
            "f:5:47: an order of ASTERUSDT would be over the exchange's maximum and is cut to 10000.00 ASTER: a smaller"
            " balance_fraction",
        ),
    ],
)
def test_what_would_go_but_not_as_promised_is_a_warning(symbols: str, more: str, warning: str) -> None:
    assert warning in warnings(symbols, more)


def test_limits_that_hold_are_not_warned_of() -> None:
    assert warnings("ASTERUSDT: {refresh_interval: 112ms}") == []


def test_promises_need_nobody_to_be_asked() -> None:
    assert len(promises(loaded("ASTERUSDT: {leverage: 21, balance_fraction: 1}\n  XYZ: {}"))) == 2


def many(symbols: int, more: str = "") -> list[str]:
    """The faults of a fleet of so many symbols, which the exchange lists all."""
    names = [f"S{number}USDT" for number in range(symbols)]
    info = ExchangeInfo({name: instrument(name, "0.0001", "0.01", "0.05") for name in names}, LIMITS, 0)
    file = loaded("\n  ".join(f"{name}: {{refresh_interval: 1m}}" for name in names), more)
    checked = check(file, info, {}, {}, None)
    return [
        *map(str, checked.errors),
        *(f"warning: {fault}" for fault in checked.all_warnings if "balance" not in str(fault)),
    ]


@pytest.mark.parametrize(
    ("symbols", "more", "faults"),
    [
        (54, "", []),
        (270, "", []),
        (
            271,
            "",
            [
                "f:4:1: heartbeats of 271 symbols cost 271 x 10 weight every 5m (half of timeout 10m) = 542 a minute, over"
                " the 540 that share 0.25 of 2160 allows: a timeout of at least 603s, or a share of at least 0.26, or at most"
                " 270 symbols, or dead_man: null to do without"
            ],
        ),
        (
            150,
            "dead_man: {timeout: 2m}",
            [
                "f:155:21: heartbeats of 150 symbols cost 150 x 10 weight every 1m (half of timeout 2m) = 1500 a minute, over"
                " the 540 that share 0.25 of 2160 allows: a timeout of at least 334s, or a share of at least 0.7, or at most"
                " 54 symbols, or dead_man: null to do without"
            ],
        ),
        (150, "dead_man: {timeout: 334s}", []),
        (150, "dead_man: {share: 0.7}", []),
        (150, "dead_man: null", []),
        (
            55,
            "dead_man: {timeout: 2m, share: 25%}",
            [
                "f:60:21: heartbeats of 55 symbols cost 55 x 10 weight every 1m (half of timeout 2m) = 550 a minute, over the"
                " 540 that share 0.25 of 2160 allows: a timeout of at least 123s, or a share of at least 0.26, or at most 54"
                " symbols, or dead_man: null to do without"
            ],
        ),
        (
            2,
            "dead_man: {timeout: 10s, share: 1%}",
            [
                "f:7:21: heartbeats of 2 symbols cost 2 x 10 weight every 5s (half of timeout 10s) = 240 a minute, over the"
                " 21 that share 0.01 of 2160 allows: a timeout of at least 112s, or a share of at least 0.12, or dead_man:"
                " null to do without"
            ],
        ),
        (
            200,
            "budget: {safety: 0.03}\ndead_man: {timeout: 1h, share: 1%}",
            [
                "f:206:21: heartbeats of 200 symbols cost 200 x 10 weight every 30m (half of timeout 1h) = 66 a minute, over"
                " the 0 that share 0.01 of 72 allows: a share of at least 0.93, or at most 2 symbols, or dead_man: null to do"
                " without",
                "warning: f:205:18: to place the 400 quotes of 200 symbols once takes 11.4 minutes, as ORDERS_1M leaves 35 a"
                " minute (1200 x 0.03, less 2% for cancels and reductions): a safety of at least 0.35, or fewer symbols",
                "warning: f:205:18: to place the 400 quotes of 200 symbols once takes 7.6 minutes, as ORDERS_10S leaves 52 a"
                " minute (1800 x 0.03, less 2% for cancels and reductions): a safety of at least 0.23, or fewer symbols",
            ],
        ),
        (
            1,
            "budget: {safety: 0.01}\ndead_man: null",
            [
                "f:6:18: safety 0.01 leaves 24 of REQUEST_WEIGHT_1M (2400 x 0.01), and to see all open orders takes 40 at"
                " once: a safety of at least 0.017"
            ],
        ),
    ],
)
def test_what_the_rate_limits_do_not_allow_is_told_with_the_arithmetic(
    symbols: int, more: str, faults: list[str]
) -> None:
    assert [told for told in many(symbols, more) if "may ask for" not in told] == faults


def test_a_limit_that_no_safety_makes_enough() -> None:
    info = ExchangeInfo(INFO.instruments, (RateLimit("REQUEST_WEIGHT", 60, 30),), 0)
    (fault,) = check(loaded("ASTERUSDT: {}"), info, {}, {}, None).errors
    assert str(fault).endswith("another exchange: this one cannot be traded on")


@pytest.mark.parametrize("limits", [(), (RateLimit("ORDERS", 60, 1200),), (RateLimit("RAW_REQUESTS", 300, 1),)])
def test_limits_that_the_exchange_does_not_state_hinder_nobody(limits: tuple[RateLimit, ...]) -> None:
    checked = check(loaded("ASTERUSDT: {}"), ExchangeInfo(INFO.instruments, limits, 0), {}, {}, None)
    assert (checked.errors, checked.all_warnings) == ([], [])
