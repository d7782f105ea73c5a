"""The control endpoint tells, and changes nothing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fleet.control.metrics import CLASS, FLEET, LIMITER, STREAM, SYMBOL
from fleet.control.server import make_app
from fleet.control.state import FleetState, Phase
from fleet.views.sample import sample_state

QUOTING = replace(
    sample_state(), symbols=tuple(s for s in sample_state().symbols if s.phase in (Phase.QUOTING, Phase.REDUCING))
)


async def ask(path: str, method: str = "GET", state: FleetState = QUOTING) -> httpx.Response:
    transport = httpx.ASGITransport(app=make_app(lambda: state))
    async with httpx.AsyncClient(transport=transport, base_url="http://fleet") as client:
        return await client.request(method, path)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/v1/state", 200),
        ("GET", "/v1/state?pretty", 200),
        ("GET", "/", 404),
        ("GET", "/v1/state/", 404),
        ("POST", "/nothing", 404),
        ("POST", "/v1/state", 405),
        ("DELETE", "/metrics", 405),
        ("PUT", "/healthz", 405),
        ("OPTIONS", "/readyz", 405),
    ],
)
async def test_paths_and_methods(method: str, path: str, status: int) -> None:
    answer = await ask(path, method)
    assert answer.status_code == status
    assert answer.headers.get("allow") == ("GET, HEAD" if status == 405 else None)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/v1/state", "/nothing"])
async def test_head_is_get_without_the_body(path: str) -> None:
    head, get = await ask(path, "HEAD"), await ask(path)
    assert head.status_code == get.status_code
    assert head.headers == get.headers
    assert head.content == b""


async def test_not_ready_is_503_with_the_reasons() -> None:
    answer = await ask("/readyz", state=replace(QUOTING, instruments_loaded=False))
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "reasons": ["instruments not loaded"]}


async def test_a_fleet_that_is_not_ready_is_still_alive() -> None:
    assert (await ask("/healthz", state=replace(QUOTING, streams=(), stopping=True))).status_code == 200


async def test_state_writes_money_as_strings() -> None:
    state = (await ask("/v1/state")).json()
    assert state["fleet"] == "tokyo-1"
    assert Decimal(state["equity"]) == QUOTING.equity
    assert state["symbols"][0]["symbol"] == "ASTERUSDT"
    assert state["symbols"][0]["position"] == "612"
    assert state["symbols"][0]["phase"] == "reducing"


async def samples(state: FleetState) -> dict[tuple[str, str], float]:
    text = (await ask("/metrics", state=state)).text
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("astermm_fleet_info", "tokyo-1,false,paper", 1),
        ("astermm_ready", "", 0),
        ("astermm_uptime_seconds", "", 761),
        ("astermm_equity_usd", "", float(sample_state().equity or 0)),
        ("astermm_fleet_net_pnl_usd", "", float(sample_state().net_pnl)),
        ("astermm_reloads_applied_total", "", 2),
        ("astermm_first_quote_seconds", "", 0.87),
        ("astermm_event_loop_lag_seconds", "", 0.0006),
        ("astermm_ledger_writable", "", 1),
        ("astermm_ledger_waiting_entries", "", 4),
        ("astermm_fills_total", "ASTERUSDT", 61),
        ("astermm_quotes_placed_total", "ASTERUSDT", 126),
        ("astermm_volume_usd_total", "BTCUSDT", 15200),
        ("astermm_position_base_units", "ETHUSDT", -0.128),
        ("astermm_realised_pnl_usd", "SOLUSDT", -1.2044),
        ("astermm_symbol_phase", "stale,ZECUSDT", 1),
        ("astermm_symbol_phase", "quoting,ZECUSDT", 0),
        ("astermm_worker_restarts_total", "1000SHIBUSDT", 2),
        ("astermm_limiter_used_tokens", "ORDERS_10S", 181),
        ("astermm_limiter_limit_tokens", "ORDERS_10S", 300),
        ("astermm_limiter_peak_tokens", "REQUEST_WEIGHT_1M", 1604),
        ("astermm_class_requests_total", "amend", 8912),
        ("astermm_fleet_waiting_intents", "", 8),
        ("astermm_fleet_stretch_ratio", "", 1.26),
        ("astermm_quote_error_mean_bps", "", 1.2),
        ("astermm_quote_error_worst_bps", "", 3.1),
        ("astermm_fleet_missing_quotes", "", 0),
        ("astermm_requests_per_minute", "ASTERUSDT", 187),
        ("astermm_stretch_ratio", "HYPEUSDT", 1.8),
        ("astermm_waiting_intents", "HYPEUSDT", 1),
        ("astermm_quote_error_bps", "HYPEUSDT", 3.1),
        ("astermm_stream_up", "market", 1),
        ("astermm_stream_lag_seconds", "account", 0.009),
    ],
)
async def test_metrics(name: str, labels: str, value: float) -> None:
    assert (await samples(sample_state()))[name, labels] == pytest.approx(value)


async def test_refusals_and_stalls_are_counted() -> None:
    first, *others = sample_state().symbols
    refusing = replace(first, refusals={"position": 3, "fleet_open_notional": 1})
    found = await samples(replace(sample_state(), symbols=(refusing, *others), stalls=7))
    assert found["astermm_risk_refusals_total", f"fleet_open_notional,{first.symbol}"] == 1
    assert found["astermm_risk_refusals_total", f"position,{first.symbol}"] == 3
    assert found["astermm_event_loop_stalls_total", ""] == 7


async def test_what_is_not_known_yet_has_no_sample() -> None:
    young = FleetState("f", "paper", False, 0, 1)
    names = {name for name, _ in await samples(young)}
    assert "astermm_uptime_seconds" in names
    assert not names & {
        "astermm_equity_usd", "astermm_first_quote_seconds", "astermm_event_loop_lag_seconds",
        "astermm_quote_error_mean_bps", "astermm_quote_error_worst_bps",
    }  # fmt: skip


async def test_a_scrape_sees_the_state_of_that_moment() -> None:
    state = QUOTING
    transport = httpx.ASGITransport(app=make_app(lambda: state))
    async with httpx.AsyncClient(transport=transport, base_url="http://fleet") as client:
        before = (await client.get("/metrics")).text
        state = replace(QUOTING, http_429=1)
        after = (await client.get("/metrics")).text
    assert "astermm_http_429_total 0.0" in before
    assert "astermm_http_429_total 1.0" in after


def test_metric_names_are_unique_and_carry_a_unit_or_are_states() -> None:
    names = [r.name for readings in (FLEET, SYMBOL, LIMITER, CLASS, STREAM) for r in readings]
    unitless = {
        "astermm_ready", "astermm_config_version", "astermm_priority", "astermm_stream_up",
        "astermm_stream_subscriptions", "astermm_ledger_writable",
    }  # fmt: skip
    units = (
        "_total", "_usd", "_seconds", "_tokens", "_bps", "_base_units", "_ratio", "_per_minute", "_intents", "_quotes",
        "_entries",
    )  # fmt: skip
    assert len(names) == len(set(names))
    assert {name for name in names if not name.endswith(units)} == unitless
