"""Signatures of AsterDEX requests, made and checked: V3 (EIP-712), V3 as of 2025 (ABI, EIP-191), V1 (HMAC-SHA256).

Owns: what is hashed and how. Must not know: HTTP, nonces, which parameters a request carries.

V3 signs `Message{string msg}` under the domain AsterSignTransaction (docs: Authentication signature payload). Domain
separator and type hash never change for a chain, so they are computed once: a signature costs three hashes, one ECDSA.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import cache

from coincurve import PrivateKey, PublicKey
from Crypto.Hash import keccak


def keccak256(data: bytes) -> bytes:
    return keccak.new(data=data, digest_bits=256).digest()


_MESSAGE_TYPE = keccak256(b"Message(string msg)")
_DOMAIN_TYPE = keccak256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")


@cache
def domain_separator(chain_id: int) -> bytes:
    fields = (keccak256(b"AsterSignTransaction"), keccak256(b"1"), chain_id.to_bytes(32, "big"), bytes(32))
    return keccak256(_DOMAIN_TYPE + b"".join(fields))


def _v3_digest(message: str, chain_id: int) -> bytes:
    struct_hash = keccak256(_MESSAGE_TYPE + keccak256(message.encode()))
    return keccak256(b"\x19\x01" + domain_separator(chain_id) + struct_hash)


class Signer:
    """An API wallet's key: signs for `user`, who approved it as agent. Shows its secret to nobody.

    Raises ValueError when the key is malformed, or is not the key of `signer`.
    """

    def __init__(self, private_key: str, chain_id: int, user: str, signer: str | None = None) -> None:
        try:
            self._key = PrivateKey(bytes.fromhex(private_key.removeprefix("0x")))
        except ValueError:
            # The cause quotes the key's characters: it must not travel.
            raise ValueError("the private key is not 32 bytes of hexadecimal text") from None
        self.address = _address(self._key.public_key)
        self.chain_id = chain_id
        self.user = user
        self.signer = signer or self.address
        if self.signer.lower() != self.address.lower():
            raise ValueError(f"the private key is that of {self.address}, not of the signer {self.signer}")

    def __repr__(self) -> str:
        return f"Signer(user={self.user!r}, signer={self.signer!r}, chain_id={self.chain_id})"

    def sign(self, message: str) -> str:
        """V3: 65 bytes as 0x… hex, v being 27 or 28."""
        return self._sign_digest(_v3_digest(message, self.chain_id))

    def sign_legacy(self, json_text: str, nonce: int) -> str:
        """V3 as of 2025, over the sorted compact JSON of all parameters."""
        return self._sign_digest(_legacy_digest(json_text, self.user, self.signer, nonce))

    def _sign_digest(self, digest: bytes) -> str:
        # coincurve leaves the type of custom_nonce, which we do not give, half open.
        raw = self._key.sign_recoverable(digest, hasher=None)  # pyright: ignore[reportUnknownMemberType]
        return f"0x{raw[:64].hex()}{raw[64] + 27:02x}"


def recover(message: str, signature: str, chain_id: int) -> str:
    """The checksummed address that made a V3 signature; ValueError when it is malformed."""
    return _recover(_v3_digest(message, chain_id), signature)


def recover_legacy(json_text: str, user: str, signer: str, nonce: int, signature: str) -> str:
    """The checksummed address that made a 2025 signature; ValueError when something is malformed."""
    return _recover(_legacy_digest(json_text, user, signer, nonce), signature)


def hmac_signature(secret: str, text: str) -> str:
    """V1: hex HMAC-SHA256 over query and body exactly as sent."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def checksum_address(raw: bytes) -> str:
    """EIP-55 text of a 20 byte address."""
    text = raw.hex()
    case = keccak256(text.encode()).hex()
    return "0x" + "".join(char.upper() if digit >= "8" else char for char, digit in zip(text, case, strict=False))


def _recover(digest: bytes, signature: str) -> str:
    raw = bytes.fromhex(signature.removeprefix("0x"))
    if len(raw) != 65:
        raise ValueError(f"a signature has 65 bytes, this one {len(raw)}")
    parity = raw[64] - 27 if raw[64] >= 27 else raw[64]
    if parity not in (0, 1):
        raise ValueError(f"a signature's v is 0, 1, 27 or 28, not {raw[64]}")
    return _address(PublicKey.from_signature_and_message(raw[:64] + bytes((parity,)), digest, hasher=None))


def _address(key: PublicKey) -> str:
    return checksum_address(keccak256(key.format(compressed=False)[1:])[-20:])


def _legacy_digest(json_text: str, user: str, signer: str, nonce: int) -> bytes:
    """EIP-191 over keccak(abi.encode(string, address, address, uint256))."""
    data = json_text.encode()
    head = (4 * 32).to_bytes(32, "big") + _abi_address(user) + _abi_address(signer) + nonce.to_bytes(32, "big")
    tail = len(data).to_bytes(32, "big") + data + bytes(-len(data) % 32)
    return keccak256(b"\x19Ethereum Signed Message:\n32" + keccak256(head + tail))


def _abi_address(text: str) -> bytes:
    raw = bytes.fromhex(text.removeprefix("0x"))
    if len(raw) != 20:
        raise ValueError(f"{text!r} is not an address")
    return raw.rjust(32, b"\0")
