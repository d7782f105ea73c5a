from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from still_market import START_US, Bench

from exchange.paper.answers import Refusal, Request
from exchange.paper.auth import Gate, Nonces
from exchange.paper.config import demo_credentials
from exchange.protocol.signing import Signer, hmac_signature

VECTORS = Path(__file__).parents[2].parent / "shared" / "aster" / "signing_vectors.json"
KEY = "0x" + "11" * 32
OTHER_KEY = "0x" + "22" * 32
USER = "0x63DD5aCC6b1aa0f563956C0e534DD30B6dcF7C4e"
DEMO = demo_credentials(7)


def vectors() -> list[Any]:
    if not VECTORS.exists():
        return []
    return [each for each in json.loads(VECTORS.read_text())["vectors"] if each["scheme"] == "v3-eip712"]


def message(signer: Signer, nonce: int = START_US, **params: str) -> str:
    return urlencode({**params, "nonce": str(nonce), "user": signer.user, "signer": signer.signer})


def request(text: str, *, in_body: bool = False, **headers: str) -> Request:
    return Request("POST", "/fapi/v3/order", "" if in_body else text, text.encode() if in_body else b"", headers)


def check(gate: Gate, sent: Request, now_us: int = START_US) -> str:
    return gate.authenticate(sent, gate.parameters(sent), now_us)


@pytest.mark.parametrize("vector", [pytest.param(each, id=each["id"]) for each in vectors()])
@pytest.mark.parametrize("in_body", [False, True])
def test_what_other_clients_sign_is_accepted(vector: Any, in_body: bool) -> None:
    text = vector.get("transmitted") or f"{vector['signed_message']}&signature={vector['signature']}"
    gate = Gate(vector["chain_id"], DEMO)
    owner = vector["user"] if "user=" in text else vector["signer"]
    assert check(gate, request(text, in_body=in_body), int(vector["nonce"])) == owner.lower()


@pytest.mark.parametrize("style", ["0x", "bare", "v=0/1"])
def test_signatures_may_be_spelt_in_several_ways(style: str) -> None:
    signer = Signer(KEY, 1666, USER)
    text = message(signer, symbol="BTCUSDT")
    signature = signer.sign(text)
    if style == "bare":
        signature = signature[2:]
    elif style == "v=0/1":
        signature = signature[:-2] + f"{int(signature[-2:], 16) - 27:02x}"
    assert check(Gate(1666, DEMO), request(f"{text}&signature={signature}")) == USER.lower()


def test_a_signature_over_the_decoded_text_is_accepted() -> None:
    signer = Signer(KEY, 1666, USER)
    decoded = f'origClientOrderIdList=["a b"]&nonce={START_US}&user={USER}&signer={signer.signer}'
    sent = message(signer, origClientOrderIdList='["a b"]')
    assert check(Gate(1666, DEMO), request(f"{sent}&signature={signer.sign(decoded)}")) == USER.lower()


def test_a_wallet_may_sign_for_itself_and_an_agent_belongs_to_one_user() -> None:
    gate = Gate(1666, DEMO)
    own = Signer(KEY, 1666, Signer(KEY, 1666, "").address)
    text = message(own)
    assert check(gate, request(f"{text}&signature={own.sign(text)}")) == own.address.lower()
    agent = Signer(OTHER_KEY, 1666, USER)
    for nonce, user, expected in ((1, USER, USER.lower()), (2, "", USER.lower())):
        text = f"nonce={START_US + nonce}&signer={agent.signer}" + (f"&user={user}" if user else "")
        assert check(gate, request(f"{text}&signature={agent.sign(text)}")) == expected
    stranger = Signer(OTHER_KEY, 1666, own.address)
    text = message(stranger, START_US + 3)
    with pytest.raises(Refusal, match="No agent found"):
        check(gate, request(f"{text}&signature={stranger.sign(text)}"))


SPOILT: list[tuple[Callable[[str], str], int]] = [
    (lambda text: text.replace("BTC", "ETH"), -1000),
    (lambda text: text[:-4] + "zzzz", -1000),
    (lambda text: text[:-4], -1000),
    (lambda text: text.partition("&signature")[0], -1102),
    (lambda text: text.replace("nonce=", "nnce="), -1102),
    (lambda text: text.replace("signer=", "sgner="), -1102),
    (lambda text: text.replace("nonce=1", "nonce=x"), -4225),
    (lambda text: text + "&signature=0x00", -1101),
]


@pytest.mark.parametrize(("spoil", "code"), SPOILT)
def test_what_is_not_signed_properly_is_refused(spoil: Callable[[str], str], code: int) -> None:
    signer = Signer(KEY, 1666, USER)
    text = message(signer, symbol="BTCUSDT")
    with pytest.raises(Refusal) as refusal:
        check(Gate(1666, DEMO), request(spoil(f"{text}&signature={signer.sign(text)}")))
    assert refusal.value.code == code


def test_a_signature_for_another_chain_is_refused() -> None:
    signer = Signer(KEY, 714, USER)
    text = message(signer)
    with pytest.raises(Refusal, match="Signature check failed"):
        check(Gate(1666, DEMO), request(f"{text}&signature={signer.sign(text)}"))


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


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None),
        ({"timestamp": START_US // 1000 - 5001}, -1021),
        ({"timestamp": START_US // 1000 - 5001, "recvWindow": 6000}, None),
        ({"timestamp": START_US // 1000 + 1001}, -1021),
        ({"timestamp": "soon"}, -1102),
        ({"signature": "00"}, -1022),
        ({"key": "unknown"}, -2015),
    ],
)
@pytest.mark.parametrize("in_body", [False, True])
def test_hmac_keys_open_the_demonstration_account(change: dict[str, Any], code: int | None, in_body: bool) -> None:
    params = {"symbol": "BTCUSDT", "timestamp": START_US // 1000} | change
    key = params.pop("key", DEMO.api_key)
    signature = params.pop("signature", None)
    text = urlencode(params)
    text += f"&signature={signature or hmac_signature(DEMO.api_secret, text)}"
    sent = request(text, in_body=in_body, **{"x-mbx-apikey": str(key)})
    if code is None:
        assert check(Gate(1666, DEMO), sent) == DEMO.user.lower()
        return
    with pytest.raises(Refusal) as refusal:
        check(Gate(1666, DEMO), sent)
    assert refusal.value.code == code


def test_unknown_wallets_get_a_funded_account_of_their_own() -> None:
    bench = Bench()
    bench.signer = Signer(KEY, 1666, USER)
    assert bench.ask("GET", "balance")[0]["balance"] == "10000.00000000"
    bench.order("BUY", "1.9", "5")
    assert list(bench.venue.engine.accounts) == [USER.lower()]
    assert bench.venue.account().stakes == {}


def test_no_secret_is_shown() -> None:
    assert DEMO.private_key[2:] not in repr(Signer(DEMO.private_key, 1666, DEMO.user))
