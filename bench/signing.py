"""How long a V3 signature takes, beside eth-account's way to the same one."""

from __future__ import annotations

from typing import cast

from eth_account import Account
from eth_account.datastructures import SignedMessage
from eth_account.messages import encode_typed_data
from eth_keys.main import KeyAPI

from bench.rows import Row, us_per_call
from exchange.paper.config import demo_credentials
from exchange.protocol.signing import Signer

CHAIN_ID = 1666
MESSAGE = (
    "symbol=ASTERUSDT&side=BUY&type=LIMIT&timeInForce=GTX&quantity=1034&price=1.92840"
    "&newClientOrderId=tokyo-1:ASTERUSDT:t0f3ka:7c&newOrderRespType=RESULT&nonce=1763958153021877"
    "&user=0x63DD5aCC6b1aa0f563956C0e534DD30B6dcF7C4e&signer=0x21cF8Ae13Bb72632562c6Fff438652Ba1a151bb0"
)


def eth_account_signature(message: str, private_key: str, chain_id: int) -> str:
    """As clients of the exchange are told to sign (docs: Authentication signature payload)."""
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
    # eth-account leaves its own return type open.
    signed = cast("SignedMessage", Account.sign_message(typed, private_key))  # pyright: ignore[reportUnknownMemberType]
    return "0x" + signed.signature.hex().removeprefix("0x")


def run(*, quick: bool = False) -> list[Row]:
    demo = demo_credentials(0, CHAIN_ID)
    signer = Signer(demo.private_key, CHAIN_ID, demo.user)
    if signer.sign(MESSAGE) != eth_account_signature(MESSAGE, demo.private_key, CHAIN_ID):
        raise AssertionError("our signature is not eth-account's")
    ours, baseline = us_per_call(
        [lambda: signer.sign(MESSAGE), lambda: eth_account_signature(MESSAGE, demo.private_key, CHAIN_ID)],
        loops=5 if quick else 400,
        runs=2 if quick else 7,
    )
    backend = type(KeyAPI().backend).__name__
    return [
        Row(
            "signing",
            "a new order's message",
            "us",
            ours,
            baseline,
            f"eth-account, {backend}: encode_typed_data + sign_message",
            "signatures are equal",
        )
    ]
