"""The accounts of a paper exchange that knows its customers: what an accounts file says, or all that is wrong with it.

Owns: names, types, bounds and defaults of the file, and that no wallet, agent or key stands for two accounts. Must not
know: how the exchange keeps accounts. The keys in the file open paper money only, so it may hold them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from fleet.config import document as yaml_document
from fleet.config.document import Document
from fleet.config.faults import ConfigError, did_you_mean, shown
from fleet.config.loader import place_of, read_text
from fleet.config.wording import file_keys, worded
from strategies.units import wrong

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
_KEY = re.compile(r"[\x21-\x39\x3B-\x7E]{1,128}")


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise wrong("is no wallet's address", "0x and 40 hexadecimal digits")
    return text


def _key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise wrong("is no V1 key with its secret", "KEY: SECRET, without spaces or colons in them")
    return text


Address = Annotated[str, AfterValidator(_address)]
Key = Annotated[str, AfterValidator(_key)]
Amount = Annotated[Decimal, Field(ge=0, le=10**12)]
Rate = Annotated[Decimal, Field(ge=Decimal("-0.01"), le=Decimal("0.1"))]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Fees(_Frozen):
    """Fractions of a trade's worth; what is not said is as everybody's."""

    maker: Rate | None = None
    taker: Rate | None = None


class SubAccount(_Frozen):
    """A wallet with money of its own, and those who may sign for it: the wallet itself, agents, holders of a V1 key."""

    wallet: Address
    agents: tuple[Address, ...] = ()
    balance: dict[str, Amount] = {"USDT": Decimal(10_000)}
    hmac: Annotated[dict[Key, Key], Field(repr=False)] = {}
    """Secret by key."""
    fees: Fees = Fees()


class MainAccount(SubAccount):
    sub_accounts: dict[str, SubAccount] = {}


class AccountsFile(_Frozen):
    accounts: dict[str, MainAccount] = Field(min_length=1)

    def all(self) -> Iterator[tuple[str, str, SubAccount]]:
        """Name, name of the main account if it is another, and the account; main accounts before their own."""
        for name, account in self.accounts.items():
            yield name, "", account
            for sub_name, sub_account in account.sub_accounts.items():
                yield sub_name, name, sub_account


def load_accounts(path: Path, env: Mapping[str, str]) -> AccountsFile:
    """Raises ConfigError."""
    return parse_accounts(read_text(path, "a readable accounts file"), str(path), env)


def parse_accounts(text: str, name: str, env: Mapping[str, str]) -> AccountsFile:
    """Raises ConfigError."""
    document = yaml_document.read(text, name, env, may_hold_secrets=True)
    if not isinstance(document.data, dict):
        if not document.faults:
            document.fault((1, 1), "the file is no mapping", "accounts: and below it NAME: {wallet: ADDRESS}")
    else:
        found = _validated(document)
        if found is not None:
            _expect_each_once(document)
            if not document.faults:
                return found
    raise ConfigError(sorted(document.faults, key=lambda fault: (fault.line, fault.column)))


def _validated(document: Document) -> AccountsFile | None:
    try:
        return AccountsFile.model_validate(document.data)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            at = tuple(detail["loc"])
            source = place_of(document.places, at)
            if detail["type"] == "extra_forbidden":
                right = did_you_mean(str(at[-1]), _known_keys(at[:-1]))
                document.fault(document.keys[at], f"unknown key {shown(at[-1])}", right)
            else:
                said = at if detail["type"] == "missing" else source
                document.fault(document.places[source], *worded(detail, said, document.written.get(source)))
        return None


def _known_keys(path: yaml_document.Path) -> list[str]:
    if not path:
        return file_keys(AccountsFile)
    if path[-1] == "fees":
        return file_keys(Fees)
    return file_keys(MainAccount if len(path) == 2 else SubAccount)


def _expect_each_once(document: Document) -> None:
    """Names, wallets, agents and keys each stand for one account."""
    first: dict[tuple[str, str], tuple[int, int]] = {}
    for path, place in document.places.items():
        claim = _claim(document, path)
        if claim is None:
            continue
        what, text = claim
        before = first.setdefault((what, text), document.keys.get(path, place))
        if before != document.keys.get(path, place):
            document.fault(
                document.keys.get(path, place),
                f"{shown(text)} stands for two accounts",
                f"one account for each {what}; it is first on line {before[0]}",
            )


def _claim(document: Document, path: yaml_document.Path) -> tuple[str, str] | None:
    """What a place in the file takes for its account alone."""
    match path:
        case ("accounts", name) | ("accounts", _, "sub_accounts", name):
            return "name", str(name)
        case (*_, "wallet") | (*_, "agents", int()):
            return "address", document.written.get(path, "").lower()
        case (*_, "hmac", key):
            return "key", str(key)
        case _:
            return None
