"""Our short way of signing gives what independent clients and eth-account give."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.protocol.signing import Signer, hmac_signature, recover, recover_legacy

KEY = "0x4fd0a42218f3eae43a6ce26d22544e986139a01e5b34a62db53757ffca81bae1"
ADDRESS = "0x21cF8Ae13Bb72632562c6Fff438652Ba1a151bb0"
USER = "0x63DD5aCC6b1aa0f563956C0e534DD30B6dcF7C4e"

VECTORS = Path(__file__).parents[2].parent / "shared" / "aster" / "signing_vectors.json"


def vectors(scheme: str) -> list[Mapping[str, Any]]:
    if not VECTORS.exists():
        return []
    return [vector for vector in json.loads(VECTORS.read_text())["vectors"] if vector["scheme"] == scheme]


def signer(chain_id: int = 1666) -> Signer:
    return Signer(KEY, chain_id, USER, ADDRESS)


def reference_signature(message: str, chain_id: int) -> str:
    typed = encode_typed_data(
        {
            "name": "AsterSignTransaction",
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": "0x0000000000000000000000000000000000000000",
        },
        {"Message": [{"name": "msg", "type": "string"}]},
        {"msg": message},
    )
    return "0x" + Account.sign_message(typed, KEY).signature.hex().removeprefix("0x")


@pytest.mark.skipif(not VECTORS.exists(), reason="no shared signing vectors here")
class TestVectorsOfOtherClients:
    @pytest.mark.parametrize("vector", vectors("v3-eip712"), ids=lambda vector: vector["id"])
    def test_v3(self, vector: Mapping[str, Any]) -> None:
        ours = Signer(vector["private_key"], vector["chain_id"], vector.get("user", vector["signer"]), vector["signer"])
        assert ours.sign(vector["signed_message"]) == vector["signature"]
        assert (
            recover(vector["signed_message"], vector["signature"], vector["chain_id"]).lower()
            == vector["signing_address"].lower()
        )

    @pytest.mark.parametrize("vector", vectors("v3-legacy-abi"), ids=lambda vector: vector["id"])
    def test_v3_of_2025(self, vector: Mapping[str, Any]) -> None:
        ours = Signer(vector["private_key"], 1666, vector["user"], vector["signer"])
        text, nonce = vector["signed_message"], int(vector["nonce"])
        assert ours.sign_legacy(text, nonce) == vector["signature"]
        assert recover_legacy(text, vector["user"], vector["signer"], nonce, vector["signature"]) == ours.address

    @pytest.mark.parametrize("vector", vectors("v1-hmac-sha256"), ids=lambda vector: vector["id"])
    def test_v1(self, vector: Mapping[str, Any]) -> None:
        assert hmac_signature(vector["api_secret"], vector["signed_message"]) == vector["signature"]


@pytest.mark.parametrize("chain_id", [1666, 714, 56])
@pytest.mark.parametrize("message", ["", "symbol=ASTERUSDT&side=BUY", "symbol=%E5%B8%81&n=1", "symbol=币安人生USDT"])
def test_v3_equals_eth_account(message: str, chain_id: int) -> None:
    signature = signer(chain_id).sign(message)
    assert signature == reference_signature(message, chain_id)
    assert recover(message, signature, chain_id) == ADDRESS


@settings(max_examples=25, deadline=None)
@given(st.text())
def test_v3_equals_eth_account_whatever_the_message(message: str) -> None:
    assert signer().sign(message) == reference_signature(message, 1666)


def test_recover_takes_every_spelling_of_a_signature() -> None:
    signature = signer().sign("a=1")
    other_v = f"{signature[:-2]}{int(signature[-2:], 16) - 27:02x}"
    for spelling in (signature, signature[2:], other_v, other_v[2:], "0x" + signature[2:].upper()):
        assert recover("a=1", spelling, 1666) == ADDRESS


@pytest.mark.parametrize(
    "signature",
    ["", "0x", "0x12", "no hex at all", "0x" + "11" * 64, "0x" + "11" * 64 + "05", "0x" + "ff" * 64 + "1b"],
)
def test_a_malformed_signature_is_a_value_error(signature: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        recover("a=1", signature, 1666)


def test_another_message_or_chain_recovers_another_address() -> None:
    signature = signer().sign("a=1")
    assert recover("a=2", signature, 1666) != ADDRESS
    assert recover("a=1", signature, 714) != ADDRESS


def test_the_key_is_shown_nowhere() -> None:
    assert KEY[2:] not in repr(signer())
    with pytest.raises(ValueError, match="32 bytes") as raised:
        Signer("0xsecretsecret", 1666, USER)
    assert "secretsecret" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_key_of_somebody_else_is_refused() -> None:
    with pytest.raises(ValueError, match="not of the signer"):
        Signer(KEY, 1666, USER, USER)


def test_the_signer_is_derived_from_the_key() -> None:
    assert Signer(KEY, 1666, USER).signer == ADDRESS
