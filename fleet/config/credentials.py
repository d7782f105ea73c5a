"""The keys of an account: from the environment, `.env`, or files that `*_FILE` variables name.

Owns: where credentials come from, their form, and that no message, repr or traceback of ours shows them.
Must not know: signing, requests, fleet files.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fleet.config.faults import ConfigError, Fault

NAMES = ("API_USER", "API_SIGNER", "API_PRIVATE_KEY", "APIV1_PUBLIC_KEY", "APIV1_PRIVATE_KEY")
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
_PRIVATE_KEY = re.compile(r"(?:0[xX])?([0-9a-fA-F]{64})")
_V1_KEY = re.compile(r"[!-~]{16,256}")
_CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """`private_key` is the API wallet's, with 0x; empty when only V1 keys are given. `v1_*` are empty without V1."""

    user: str
    signer: str
    private_key: str
    v1_public_key: str = ""
    v1_private_key: str = ""

    @property
    def has_v3(self) -> bool:
        return bool(self.private_key)

    @property
    def has_v1(self) -> bool:
        return bool(self.v1_private_key)

    def __repr__(self) -> str:
        return f"Credentials(user={self.user!r}, signer={self.signer!r}, v3={self.has_v3}, v1={self.has_v1})"


def dotenv_for(fleet_file: Path) -> Path:
    """The `.env` beside the fleet file; when there is none, that of the working directory."""
    beside = fleet_file.parent / ".env"
    return beside if beside.is_file() else Path(".env")


def read_credentials(env: Mapping[str, str], dotenv: Path | None = None) -> Credentials | None:
    """None when there are none at all. Raises ConfigError for all that is wrong at once.

    A name in `env` goes before the same name in the `dotenv` file, which need not exist.
    """
    found = _Found(env, dotenv)
    given = {name: found.value(name) for name in NAMES}
    for name, check in _CHECKS.items():
        if given[name] and (fault := check(given[name])):
            found.fault(name, *fault)
    v3 = given["API_USER"], given["API_PRIVATE_KEY"]
    if any((*v3, given["API_SIGNER"])):
        for name in ("API_USER", "API_PRIVATE_KEY"):
            if not given[name]:
                found.fault(name, "is not set", f"set {name} or {name}_FILE: API_USER and API_PRIVATE_KEY go together")
    v1 = given["APIV1_PUBLIC_KEY"], given["APIV1_PRIVATE_KEY"]
    if any(v1) and not all(v1):
        missing = "APIV1_PRIVATE_KEY" if v1[0] else "APIV1_PUBLIC_KEY"
        found.fault(missing, "is not set", "the two APIV1 keys go together; V3 alone is enough")
    private_key = ""
    if given["API_PRIVATE_KEY"] and not found.faults:
        private_key = "0x" + given["API_PRIVATE_KEY"][-64:].lower()
        address = address_of(private_key)
        if given["API_SIGNER"] and given["API_SIGNER"].lower() != address.lower():
            right = f"leave API_SIGNER out, or set it to {address}"
            found.fault("API_SIGNER", "is not the address of API_PRIVATE_KEY", right)
        given["API_SIGNER"] = address
    if found.faults:
        raise ConfigError(found.faults)
    if not any(given.values()):
        return None
    return Credentials(given["API_USER"], given["API_SIGNER"], private_key, *v1)


def address_of(private_key: str) -> str:
    """The checksummed address of a private key. ValueError when it is none; the message does not show it."""
    from coincurve import PublicKey  # libsecp256k1 loads slowly, and most commands have no key to look at

    try:
        raw = PublicKey.from_valid_secret(bytes.fromhex(private_key.removeprefix("0x"))).format(compressed=False)
    except ValueError:
        raise ValueError("not a private key") from None
    return _checksummed(_keccak(raw[1:])[-20:].hex())


class _Found:
    def __init__(self, env: Mapping[str, str], dotenv: Path | None) -> None:
        self.faults: list[Fault] = []
        self._sources: list[tuple[str, Mapping[str, str]]] = [("environment", env)]
        if dotenv is not None and dotenv.is_file():
            self._sources.append((str(dotenv), self._dotenv(dotenv)))
        self._source_of: dict[str, str] = {}

    def value(self, name: str) -> str:
        for source, values in self._sources:
            self._source_of[name] = source
            value, path = values.get(name, "").strip(), values.get(f"{name}_FILE", "").strip()
            if value and path:
                self.fault(name, f"and {name}_FILE are both set", "only one of them")
                return ""
            if path:
                return self._file(name, Path(path))
            if value:
                return value
        self._source_of[name] = "environment"
        return ""

    def fault(self, name: str, what: str, right: str) -> None:
        self.faults.append(Fault(self._source_of.get(name, "environment"), 0, 0, f"{name} {what}", right))

    def _file(self, name: str, path: Path) -> str:
        try:
            text = path.read_text("utf-8").strip()
        except OSError as error:
            self.fault(
                f"{name}_FILE", f"cannot be read: {(error.strerror or '').lower()}", "the path of a readable file"
            )
        except UnicodeDecodeError:
            self.fault(f"{name}_FILE", "names a file that is no text", "a text file that holds nothing but the value")
        else:
            if not text:
                self.fault(f"{name}_FILE", "names an empty file", "a text file that holds nothing but the value")
            return text
        return ""

    def _dotenv(self, path: Path) -> Mapping[str, str]:
        from dotenv import dotenv_values

        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError):
            self.faults.append(Fault(str(path), 0, 0, "cannot be read", "lines of NAME=value in UTF-8"))
            return {}
        values = dotenv_values(stream=io.StringIO(text), interpolate=False)
        return {name: value for name, value in values.items() if value is not None}


def _address_fault(value: str) -> tuple[str, str] | None:
    if not _ADDRESS.fullmatch(value):
        return "is no address", "0x and 40 hexadecimal digits"
    digits = value[2:]
    if digits not in (digits.lower(), digits.upper()) and _checksummed(digits.lower()) != f"0x{digits}":
        return "has a wrong checksum, so it was mistyped", "the address as the wallet shows it"
    return None


def _private_key_fault(value: str) -> tuple[str, str] | None:
    match = _PRIVATE_KEY.fullmatch(value)
    if match is None:
        hint = "an address is no key: " if _ADDRESS.fullmatch(value) else ""
        return "is no private key", f"{hint}64 hexadecimal digits, with or without 0x, of the API wallet"
    if not 0 < int(match[1], 16) < _CURVE_ORDER:
        return "is no private key", "a key that a wallet has made: this number cannot be one"
    return None


def _v1_fault(value: str) -> tuple[str, str] | None:
    if not _V1_KEY.fullmatch(value):
        return "is no API key", "the key as the exchange shows it, at least 16 characters without blanks"
    return None


_CHECKS: dict[str, Callable[[str], tuple[str, str] | None]] = {
    "API_USER": _address_fault,
    "API_SIGNER": _address_fault,
    "API_PRIVATE_KEY": _private_key_fault,
    "APIV1_PUBLIC_KEY": _v1_fault,
    "APIV1_PRIVATE_KEY": _v1_fault,
}


def _keccak(data: bytes) -> bytes:
    from Crypto.Hash import keccak

    return keccak.new(digest_bits=256, data=data).digest()


def _checksummed(lower_hex: str) -> str:
    """EIP-55: a letter is upper case where the digest's digit is 8 or more."""
    digest = _keccak(lower_hex.encode("ascii")).hex()
    letters = (
        letter.upper() if digit in "89abcdef" else letter for letter, digit in zip(lower_hex, digest, strict=False)
    )
    return "0x" + "".join(letters)
