from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from still_market import START_US, SYMBOL, Bench

from exchange.paper.answers import Refusal, Request
from exchange.paper.auth import Gate
from exchange.paper.config import KnownAccount, PaperSettings, demo_credentials
from exchange.paper.nonces import Nonces
from exchange.paper.parameters import parameters
from exchange.protocol.signing import Signer, hmac_signature

VECTORS = Path(__file__).parents[2].parent / "shared" / "aster" / "signing_vectors.json"
KEY = "0x" + "11" * 32
OTHER_KEY = "0x" + "22" * 32
USER = "0x63DD5aCC6b1aa0f563956C0e534DD30B6dcF7C4e"
DEMO = demo_credentials(7)


def vectors(scheme: str) -> list[Any]:
    if not VECTORS.exists():
        return []
    found = [each for each in json.loads(VECTORS.read_text())["vectors"] if each["scheme"] == scheme]
    return [pytest.param(each, id=each["id"]) for each in found]


def gate(
    accounts: tuple[KnownAccount, ...] | None = None, chain_id: int = 1666, hmac_key: tuple[str, str] | None = None
) -> Gate:
    paper = PaperSettings(symbols=(), accounts=accounts, chain_id=chain_id, hmac_key=hmac_key)
    return Gate(paper, demo_credentials(7, chain_id, hmac_key))


def message(signer: Signer, nonce: int = START_US, **params: str) -> str:
    return urlencode({**params, "nonce": str(nonce), "user": signer.user, "signer": signer.signer})


def request(text: str, key: str | None = None, *, in_body: bool = False) -> Request:
    """A key makes it V1's."""
    path, headers = ("/fapi/v3/order", {}) if key is None else ("/fapi/v1/order", {"x-mbx-apikey": key})
    return Request("POST", path, "" if in_body else text, text.encode() if in_body else b"", headers)


def check(gate: Gate, sent: Request, now_us: int = START_US) -> str:
    return gate.authenticate(sent, parameters(sent), now_us)


def code_of(gate: Gate, sent: Request, now_us: int = START_US) -> tuple[int, int] | None:
    """Code and HTTP status of a refusal."""
    try:
        check(gate, sent, now_us)
    except Refusal as refusal:
        return refusal.code, refusal.status
    return None


@pytest.mark.skipif(not VECTORS.exists(), reason="no shared signing vectors here")
@pytest.mark.parametrize("in_body", [False, True])
class TestWhatOtherClientsSign:
    @pytest.mark.parametrize("vector", vectors("v3-eip712"))
    @pytest.mark.parametrize("chain_id", [1666, 714])
    def test_v3(self, vector: Any, in_body: bool, chain_id: int) -> None:
        text = vector.get("transmitted") or f"{vector['signed_message']}&signature={vector['signature']}"
        owner = vector["user"] if "user=" in text else vector["signer"]
        sent = request(text, in_body=in_body)
        assert check(gate(chain_id=chain_id), sent, int(vector["nonce"])) == owner.lower()

    @pytest.mark.parametrize("vector", [each for each in vectors("v3-eip712") if "http" in each.values[0]])
    def test_v3_as_it_came_over_the_wire(self, vector: Any, in_body: bool) -> None:
        http = vector["http"]
        query, body = http["url"].partition("?")[2], (http["body"] or "").encode()
        sent = Request(http["method"], "/fapi/v3/order", query, body)
        assert check(gate(), sent, int(vector["nonce"])) == vector["signer"].lower()

    @pytest.mark.parametrize("vector", vectors("v3-legacy-abi"))
    def test_v3_of_2025(self, vector: Any, in_body: bool) -> None:
        sent = request(urlencode(vector["request"]), in_body=in_body)
        now_us = int(vector["nonce"])
        assert check(gate(), sent, now_us) == vector["user"].lower()
        spoilt = request(urlencode(vector["request"] | {"recvWindow": "50001"}), in_body=in_body)
        assert code_of(gate(), spoilt, now_us) == (-1000, 400)

    @pytest.mark.parametrize("vector", vectors("v1-hmac-sha256"))
    def test_v1(self, vector: Any, in_body: bool) -> None:
        open_to = gate(hmac_key=("key", vector["api_secret"]))
        signed_ms = int(parse_qs(vector["signed_message"])["timestamp"][0])
        text = f"{vector['signed_message']}&signature={vector['signature']}"
        sent = request(text, "key", in_body=in_body)
        assert check(open_to, sent, signed_ms * 1000) == DEMO.user.lower()


@pytest.mark.parametrize("style", ["0x", "bare", "v=0/1"])
def test_signatures_may_be_spelt_in_several_ways(style: str) -> None:
    signer = Signer(KEY, 1666, USER)
    text = message(signer, symbol="BTCUSDT")
    signature = signer.sign(text)
    if style == "bare":
        signature = signature[2:]
    elif style == "v=0/1":
        signature = signature[:-2] + f"{int(signature[-2:], 16) - 27:02x}"
    assert check(gate(), request(f"{text}&signature={signature}")) == USER.lower()


AWKWARD = {"batchOrders": "[{'symbol':'币安人生USDT', \"price\":\"1+1\"}]", "newClientOrderId": "a~b*c"}
SIGNER = Signer(KEY, 1666, USER)
PAIRS = {**AWKWARD, "nonce": str(START_US), "user": USER, "signer": SIGNER.signer}
FORM = urlencode(PAIRS)
RAW = "&".join(f"{name}={value}" for name, value in PAIRS.items())
PERCENT = urlencode(PAIRS, safe="!'()*~", quote_via=quote)


@pytest.mark.parametrize(
    ("signed", "sent"),
    [
        pytest.param(FORM, FORM, id="signed as sent, a form"),
        pytest.param(PERCENT, PERCENT, id="signed as sent, percent-encoded"),
        pytest.param(RAW, FORM, id="signed before encoding, sent as a form"),
        pytest.param(RAW, PERCENT, id="signed before encoding, sent percent-encoded"),
        pytest.param(FORM, PERCENT, id="respelt on the way"),
    ],
)
@pytest.mark.parametrize("chain_id", [1666, 714])
@pytest.mark.parametrize("place", ["query", "body", "both", "body first", "signature first"])
def test_a_signature_may_be_over_any_spelling_of_the_parameters(
    signed: str, sent: str, chain_id: int, place: str
) -> None:
    signature = f"signature={Signer(KEY, chain_id, USER).sign(signed)}"
    business, _, rest = sent.partition("&nonce=")
    authentication = f"nonce={rest}"
    query, body = {
        "query": (f"{sent}&{signature}", ""),
        "body": ("", f"{sent}&{signature}"),
        "both": (business, f"{authentication}&{signature}"),
        "body first": (f"{authentication}&{signature}", business),
        "signature first": (f"{signature}&{business}", authentication),
    }[place]
    assert check(gate(), Request("POST", "/fapi/v3/order", query, body.encode())) == USER.lower()


@pytest.mark.parametrize("signed", [FORM, RAW])
def test_a_json_body_is_a_form_of_its_members(signed: str) -> None:
    body = json.dumps({**PAIRS, "nonce": START_US, "signature": SIGNER.sign(signed)}).encode()
    sent = Request("POST", "/fapi/v3/order", "", body, {"content-type": "application/json; charset=utf-8"})
    assert check(gate(), sent) == USER.lower()
    assert parameters(sent)["batchOrders"] == AWKWARD["batchOrders"]


LEGACY = {"symbol": "BTCUSDT", "recvWindow": "50000", "timestamp": str(START_US // 1000), "note": "a 'b' é"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (json.dumps(LEGACY, sort_keys=True, separators=(",", ":")), None),
        (json.dumps(LEGACY, sort_keys=True, separators=(",", ":"), ensure_ascii=False), None),
        (json.dumps(LEGACY, sort_keys=True).replace(" ", "").replace("'", '"'), None),
        (json.dumps(LEGACY, separators=(",", ":")), (-1000, 400)),
    ],
)
def test_the_scheme_of_2025_signs_sorted_compact_json(text: str, code: tuple[int, int] | None) -> None:
    fields = {**LEGACY, "nonce": str(START_US), "user": USER, "signer": SIGNER.signer}
    signature = SIGNER.sign_legacy(text, START_US)
    assert code_of(gate(), request(urlencode({**fields, "signature": signature}), in_body=True)) == code


def test_the_scheme_of_2025_knows_a_recv_window() -> None:
    fields = LEGACY | {"timestamp": str(START_US // 1000 - 50_001)}
    signature = SIGNER.sign_legacy(json.dumps(fields, sort_keys=True, separators=(",", ":")), START_US)
    fields |= {"nonce": str(START_US), "user": USER, "signer": SIGNER.signer, "signature": signature}
    assert code_of(gate(), request(urlencode(fields))) == (-1021, 400)


def test_a_wallet_may_sign_for_itself_and_an_agent_belongs_to_one_user() -> None:
    at = gate()
    own = Signer(KEY, 1666, Signer(KEY, 1666, "").address)
    text = message(own)
    assert check(at, request(f"{text}&signature={own.sign(text)}")) == own.address.lower()
    agent = Signer(OTHER_KEY, 1666, USER)
    for nonce, user, expected in ((1, USER, USER.lower()), (2, "", USER.lower())):
        text = f"nonce={START_US + nonce}&signer={agent.signer}" + (f"&user={user}" if user else "")
        assert check(at, request(f"{text}&signature={agent.sign(text)}")) == expected
    stranger = Signer(OTHER_KEY, 1666, own.address)
    text = message(stranger, START_US + 3)
    with pytest.raises(Refusal, match="No agent found"):
        check(at, request(f"{text}&signature={stranger.sign(text)}"))


SPOILT: list[tuple[Callable[[str], str], int]] = [
    (lambda text: text.replace("BTC", "ETH"), -1000),
    (lambda text: text[:-4] + "zzzz", -1000),
    (lambda text: text[:-4], -1000),
    (lambda text: text.partition("&signature")[0], -1102),
    (lambda text: text.replace("nonce=", "nnce="), -1102),
    (lambda text: text.replace("signer=", "sgner="), -1102),
    (lambda text: text.replace("nonce=1", "nonce=x"), -1102),
    (lambda text: text.replace("user=0x", "user=..."), -1102),
    (lambda text: text + "&signature=0x00", -1101),
]


@pytest.mark.parametrize(("spoil", "code"), SPOILT)
def test_what_is_not_signed_properly_is_refused(spoil: Callable[[str], str], code: int) -> None:
    signer = Signer(KEY, 1666, USER)
    text = message(signer, symbol="BTCUSDT")
    with pytest.raises(Refusal) as refusal:
        check(gate(), request(spoil(f"{text}&signature={signer.sign(text)}")))
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("chain_id", "venue_chain_id", "code"),
    [(1666, 1666, None), (714, 1666, None), (1666, 714, None), (56, 1666, (-1000, 400)), (56, 56, None)],
)
def test_both_exchanges_chains_are_good_and_the_venues_own(
    chain_id: int, venue_chain_id: int, code: tuple[int, int] | None
) -> None:
    signer = Signer(KEY, chain_id, USER)
    text = message(signer)
    assert code_of(gate(chain_id=venue_chain_id), request(f"{text}&signature={signer.sign(text)}")) == code


def test_a_forged_request_uses_up_no_nonce() -> None:
    at, text = gate(), message(SIGNER)
    forged = Signer(OTHER_KEY, 1666, USER).sign(text)
    assert code_of(at, request(f"{text}&signature={forged}")) == (-1000, 400)
    good = request(f"{text}&signature={SIGNER.sign(text)}")
    assert code_of(at, good) is None
    assert code_of(at, good) == (-4225, 400)


NOW = 1_000_000_000


@pytest.mark.parametrize(
    ("before", "nonce", "accepted"),
    [
        ([], NOW, True),
        ([], NOW - 10_000_000, True),
        ([], NOW - 10_000_001, False),
        ([], NOW + 10_000_001, False),
        ([NOW], NOW, False),
        ([NOW], NOW - 1, True),
        (list(range(NOW, NOW + 100)), NOW - 1, False),
        (list(range(NOW, NOW + 99)), NOW - 1, True),
        (list(range(NOW, NOW + 200, 2)), NOW + 1, True),
        (list(range(NOW, NOW + 101)), NOW, False),
    ],
)
def test_a_nonce_is_new_recent_and_above_the_oldest_of_a_hundred(before: list[int], nonce: int, accepted: bool) -> None:
    nonces = Nonces()
    for each in before:
        assert nonces.accept(each, NOW)
    assert nonces.accept(nonce, NOW) is accepted


@given(st.lists(st.integers(NOW - 12_000_000, NOW + 12_000_000), max_size=300))
@settings(max_examples=50, deadline=None)
def test_no_nonce_is_good_twice_and_only_the_newest_hundred_are_remembered(given: list[int]) -> None:
    nonces, accepted = Nonces(), list[int]()
    for nonce in given:
        kept = sorted(accepted)[-100:]
        too_old = len(kept) == 100 and nonce < kept[0]
        expected = abs(nonce - NOW) <= 10_000_000 and nonce not in accepted and not too_old
        assert nonces.accept(nonce, NOW) is expected
        if expected:
            accepted.append(nonce)


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=12), max_size=5), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_parameters_are_read_as_they_were_meant_and_verify(fields: dict[str, str], is_signed_raw: bool) -> None:
    pairs = {f"x{name}": value for name, value in fields.items()}
    pairs |= {"nonce": str(START_US), "user": USER, "signer": SIGNER.signer}
    sent = urlencode(pairs)
    raw = "&".join(f"{name}={value}" for name, value in pairs.items())
    signature = SIGNER.sign(raw if is_signed_raw else sent)
    received = request(f"{sent}&signature={signature}", in_body=True)
    assert parameters(received) == {**pairs, "signature": signature}
    assert check(gate(), received) == USER.lower()


NOW_MS = START_US // 1000
AHEAD, OUTSIDE = "1000ms ahead of the server's time", "outside of the recvWindow"


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({}, None),
        ({"timestamp": NOW_MS - 5000}, None),
        ({"timestamp": NOW_MS - 5001}, (-1021, 400, OUTSIDE)),
        ({"timestamp": NOW_MS - 5001, "recvWindow": 6000}, None),
        ({"recvWindow": 60_001}, (-1131, 400, "recvWindow must be less than 60000")),
        ({"timestamp": NOW_MS + 999}, None),
        ({"timestamp": NOW_MS + 1000}, (-1021, 400, AHEAD)),
        ({"timestamp": "soon"}, (-1102, 400, "'timestamp'")),
        ({"timestamp": None}, (-1102, 400, "'timestamp'")),
        ({"signature": None}, (-1102, 400, "'signature'")),
        ({"signature": "00"}, (-1022, 400, "Signature for this request is not valid.")),
        ({"key": "unknown"}, (-2015, 401, "Invalid API-key, IP, or permissions for action.")),
        ({"key": ""}, (-2014, 401, "API-key format invalid.")),
        ({"key": "clé"}, (-2014, 401, "API-key format invalid.")),
        ({"key": None}, (-2014, 401, "API-key format invalid.")),
    ],
)
@pytest.mark.parametrize("place", ["query", "body", "both", "signature first", "capitals"])
@pytest.mark.parametrize("path", ["/fapi/v1/order", "/fapi/v2/balance"])
def test_hmac_keys_open_the_demonstration_account(
    change: dict[str, Any], refusal: tuple[int, int, str] | None, place: str, path: str
) -> None:
    fields: dict[str, Any] = {"symbol": "BTCUSDT", "timestamp": NOW_MS} | change
    key, signature = fields.pop("key", DEMO.api_key), fields.pop("signature", "")
    text = urlencode({name: value for name, value in fields.items() if value is not None})
    first, _, second = text.partition("&")
    signed = first + second if place == "both" else text
    found = signature or hmac_signature(DEMO.api_secret, signed)
    end = "" if signature is None else f"signature={found.upper() if place == 'capitals' else found}"
    query, body = {
        "query": (f"{text}&{end}", ""),
        "capitals": (f"{text}&{end}", ""),
        "body": ("", f"{text}&{end}"),
        "both": (first, f"{second}&{end}"),
        "signature first": (f"{end}&{text}", ""),
    }[place]
    sent = Request("GET", path, query, body.encode(), {} if key is None else {"x-mbx-apikey": str(key)})
    if refusal is None:
        assert check(gate(), sent) == DEMO.user.lower()
        return
    with pytest.raises(Refusal, match=refusal[2]) as raised:
        check(gate(), sent)
    assert (raised.value.code, raised.value.status) == refusal[:2]


def test_the_demonstration_keys_can_be_chosen() -> None:
    at = gate(hmac_key=("my-key", "my-secret"))
    text = f"timestamp={NOW_MS}"
    sent = f"{text}&signature={hmac_signature('my-secret', text)}"
    assert check(at, request(sent, "my-key")) == DEMO.user.lower()
    assert code_of(at, request(sent, DEMO.api_key)) == (-2015, 401)


def test_a_signer_goes_before_a_key() -> None:
    text = message(SIGNER)
    sent = f"{text}&signature={SIGNER.sign(text)}"
    assert check(gate(), request(sent, "left over")) == USER.lower()


AGENT = Signer(OTHER_KEY, 1666, USER)
SUB = Signer("0x" + "33" * 32, 1666, "")
LISTED = (
    KnownAccount(name="desk", user=USER, balances={"USDT": Decimal(5)}, agents=(AGENT.address,)),
    KnownAccount(
        name="desk-1",
        user=SUB.address,
        balances={"USDF": Decimal(7)},
        hmac_keys={"sub-key": "sub-secret"},
        maker_fee=Decimal("-0.00005"),
        parent="desk",
    ),
)


@pytest.mark.parametrize(
    ("key", "user", "account"),
    [
        (OTHER_KEY, USER, USER),
        (OTHER_KEY, "", USER),
        (OTHER_KEY, USER[2:].upper(), USER),
        ("0x" + "33" * 32, "", SUB.address),
        ("0x" + "33" * 32, SUB.address, SUB.address),
        (OTHER_KEY, SUB.address, None),
        ("0x" + "33" * 32, USER, None),
        (KEY, USER, None),
        (KEY, "", None),
        (DEMO.private_key, DEMO.user, None),
    ],
)
def test_where_accounts_are_listed_they_are_all_there_is(key: str, user: str, account: str | None) -> None:
    signer = Signer(key, 1666, user)
    text = f"nonce={START_US}&signer={signer.signer}" + (f"&user={user}" if user else "")
    sent = request(f"{text}&signature={signer.sign(text)}")
    if account is None:
        with pytest.raises(Refusal, match="No agent found"):
            check(gate(LISTED), sent)
    else:
        assert check(gate(LISTED), sent) == account.lower()


@pytest.mark.parametrize(("key", "code"), [("sub-key", None), (DEMO.api_key, (-2015, 401))])
def test_listed_accounts_have_keys_of_their_own(key: str, code: tuple[int, int] | None) -> None:
    text = f"timestamp={NOW_MS}"
    sent = request(f"{text}&signature={hmac_signature('sub-secret', text)}", key)
    assert code_of(gate(LISTED), sent) == code


def test_listed_accounts_have_their_own_money_and_fees() -> None:
    bench = Bench(accounts=LISTED)
    bench.signer = AGENT
    assert [(row["asset"], row["balance"]) for row in bench.ask("GET", "balance")] == [("USDT", "5.00000000")]
    bench.signer = SUB
    assert {row["asset"]: row["balance"] for row in bench.ask("GET", "balance")}["USDF"] == "7.00000000"
    rates = bench.ask("GET", "commissionRate", symbol="ASTERUSDT")
    assert (rates["makerCommissionRate"], rates["takerCommissionRate"]) == ("-0.00005", "0.00035")


def test_a_noop_takes_the_nonce_away_from_a_request_that_is_still_on_its_way() -> None:
    bench = Bench()
    demo = Signer(bench.venue.demo.private_key, 1666, bench.venue.demo.user)

    def send(path: str, **params: str) -> Any:
        text = message(demo, START_US, **params)
        body = f"{text}&signature={demo.sign(text)}".encode()
        return json.loads(bench.venue.handle(Request("POST", path, "", body), START_US).body)

    order = {"symbol": "ASTERUSDT", "side": "BUY", "type": "MARKET", "quantity": "5"}
    assert send("/fapi/v3/noop") == {"code": 200, "msg": "success"}
    assert send("/fapi/v3/order", **order) == {"code": -4225, "msg": "Nonce Expired"}
    assert send("/fapi/v3/noop") == {"code": -4225, "msg": "Nonce Expired"}


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"x-mbx-apikey": DEMO.api_key}, 200),
        ("PUT", {"x-mbx-apikey": DEMO.api_key}, 200),
        ("DELETE", {"x-mbx-apikey": DEMO.api_key}, 200),
        ("POST", {"x-mbx-apikey": "unknown"}, 401),
        ("POST", {}, 401),
    ],
)
def test_listen_keys_are_asked_for_with_a_key_alone(method: str, headers: dict[str, str], status: int) -> None:
    bench = Bench(seed=7)
    bench.venue.handle(Request("POST", "/fapi/v1/listenKey", headers={"x-mbx-apikey": DEMO.api_key}), START_US)
    assert bench.venue.handle(Request(method, "/fapi/v1/listenKey", headers=headers), START_US).status == status


def test_unknown_wallets_get_a_funded_account_of_their_own() -> None:
    bench = Bench()
    bench.signer = Signer(KEY, 1666, USER)
    assert bench.ask("GET", "balance")[0]["balance"] == "10000.00000000"
    bench.order("BUY", "1.9", "5")
    assert list(bench.venue.engine.accounts) == [USER.lower()]
    assert bench.venue.account().stakes == {}


def test_no_secret_is_shown() -> None:
    assert DEMO.private_key[2:] not in repr(Signer(DEMO.private_key, 1666, DEMO.user))


def test_no_secret_is_shown_by_what_holds_it() -> None:
    known = KnownAccount(name="desk", user="0x1", balances={}, hmac_keys={"key": "its-secret"})
    settings = PaperSettings(
        symbols=(SYMBOL,), accounts=(known,), hmac_key=("key", "its-secret"), listen_key_secret="s3"
    )
    demo = demo_credentials(7, hmac_key=("key", "its-secret"))
    shown = repr(settings) + repr(demo)
    assert [secret for secret in ("its-secret", "s3", demo.private_key) if secret in shown] == []
