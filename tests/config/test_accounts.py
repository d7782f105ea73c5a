"""An accounts file: what it says, and where it is wrong."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from fleet.config.accounts import Fees, load_accounts, parse_accounts
from fleet.config.faults import ConfigError

WALLET, AGENT, SUB = (f"0x{digit * 40}" for digit in "abc")
SECRET = "5" * 64
GOOD = f"""\
accounts:
  desk:
    wallet: {WALLET}
    agents: [{AGENT}]
    balance: {{USDT: 500, USDF: 0.5}}
    hmac: {{a-key: {SECRET}}}
    fees: {{maker: -0.00005, taker: 0.0004}}
    sub_accounts:
      desk-1: {{wallet: "{SUB}", fees: {{taker: 0}}}}
  other: {{wallet: "0x{"d" * 40}"}}
"""


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        parse_accounts(text, "a.yaml", {})
    return str(error.value).splitlines()


def test_a_whole_file() -> None:
    found = list(parse_accounts(GOOD, "a.yaml", {}).all())
    assert [(name, parent, account.wallet[2]) for name, parent, account in found] == [
        ("desk", "", "a"),
        ("desk-1", "desk", "c"),
        ("other", "", "d"),
    ]
    desk, sub, other = (account for _, _, account in found)
    assert (desk.agents, desk.hmac) == ((AGENT,), {"a-key": SECRET})
    assert desk.balance == {"USDT": Decimal(500), "USDF": Decimal("0.5")}
    assert desk.fees == Fees(maker=Decimal("-0.00005"), taker=Decimal("0.0004"))
    assert sub.fees == Fees(taker=Decimal(0))
    assert other.balance == {"USDT": Decimal(10_000)}


def test_the_example_in_the_readme_is_one() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    (text,) = re.findall(r"```yaml\n(accounts:.*?)```", readme, re.DOTALL)
    assert [name for name, _, _ in parse_accounts(text, "README.md", {}).all()] == ["desk", "desk-1"]


def test_secrets_may_come_from_the_environment() -> None:
    text = GOOD.replace(SECRET, '"${API_SECRET}"')
    assert parse_accounts(text, "a.yaml", {"API_SECRET": "x"}).accounts["desk"].hmac == {"a-key": "x"}


ONCE = "stands for two accounts: one account for each"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (GOOD, "", "a.yaml:1:1: the file is no mapping: accounts: and below it NAME: {wallet: ADDRESS}"),
        (GOOD, "accounts: {}", "a.yaml:1:1: accounts is empty: accounts: and below it at least one NAME: {wallet: ADDRESS}"),
        (f"wallet: {WALLET}", "", "a.yaml:2:3: wallet is missing: wallet: ADDRESS, the account's main wallet"),
        (f"wallet: {WALLET}", "wallet: 0x12", "a.yaml:3:13: wallet 0x12 is no wallet's address: 0x and 40 hexadecimal digits"),
        (f"[{AGENT}]", "x", "a.yaml:4:13: agents x is no list: a list such as [A, B]"),
        (f"[{AGENT}]", "[x]", "a.yaml:4:14: agents x is no wallet's address: 0x and 40 hexadecimal digits"),
        ("500", "-1", "a.yaml:5:21: USDT -1 is out of bounds: at least 0"),
        ("0.0004", "0.2", "a.yaml:7:36: taker 0.2 is out of bounds: at most 0.1"),
        ("a-key", "a key", "a.yaml:6:19: a key (hidden) is no V1 key with its secret: KEY: SECRET, without spaces or colons in them"),
        ("agents", "agent", "a.yaml:4:5: unknown key agent: did you mean agents?"),
        ("taker: 0}", "takr: 0}", "a.yaml:9:77: unknown key takr: did you mean taker?"),
        ('"0xd', '"0xe', None),
        ("d" * 40, "a" * 40, f"a.yaml:10:11: 0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa... {ONCE} address; it is first on line 3"),
        ("d" * 40, "B" * 40, f"a.yaml:10:11: 0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb... {ONCE} address; it is first on line 4"),
        ("desk-1", "desk", f"a.yaml:9:7: desk {ONCE} name; it is first on line 2"),
        ("fees: {taker: 0}", "hmac: {a-key: b}", f"a.yaml:9:77: a-key {ONCE} key; it is first on line 6"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(old: str, new: str, fault: str | None) -> None:
    text = GOOD.replace(old, new)
    if fault is None:
        parse_accounts(text, "a.yaml", {})
    else:
        assert faults(text) == [fault]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a\.yaml: cannot be read: no such file or directory: a readable accounts"):
        load_accounts(tmp_path / "a.yaml", {})


def test_no_secret_is_shown() -> None:
    for broken in (GOOD.replace("a-key", "a key"), GOOD.replace("hmac: {a-key: ", "agents2: {x: ")):
        assert SECRET not in "".join(faults(broken))
