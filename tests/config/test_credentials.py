from __future__ import annotations

from pathlib import Path

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from fleet.config.credentials import NAMES, Credentials, address_of, read_credentials
from fleet.config.faults import ConfigError

KEY = "0x" + "4c0883a69102937d" * 4
SIGNER = address_of(KEY)
USER = "0x52908400098527886E0F7030069857D2E4169EE7"
V1_PUBLIC, V1_PRIVATE = "dbefbc809e3e83c2" * 4, "2b5eb11e18796d12" * 4
V3 = {"API_USER": USER, "API_PRIVATE_KEY": KEY}
V1 = {"APIV1_PUBLIC_KEY": V1_PUBLIC, "APIV1_PRIVATE_KEY": V1_PRIVATE}


def found(env: dict[str, str], dotenv: Path | None = None) -> Credentials:
    credentials = read_credentials(env, dotenv)
    assert credentials is not None
    return credentials


def faults(env: dict[str, str], dotenv: Path | None = None) -> str:
    with pytest.raises(ConfigError) as raised:
        read_credentials(env, dotenv)
    return str(raised.value)


def test_none_are_none(tmp_path: Path) -> None:
    assert read_credentials({}) is None
    assert read_credentials({"API_USER": " ", "APIV1_PUBLIC_KEY": ""}, tmp_path / ".env") is None


def test_the_signer_is_the_address_of_the_key() -> None:
    assert found(V3).signer == SIGNER
    assert found({**V3, "API_SIGNER": SIGNER.lower()}).signer == SIGNER
    assert Account.from_key(KEY).address == SIGNER


@pytest.mark.parametrize("key", [KEY, KEY[2:], KEY.upper().replace("0X", "0x"), f"  {KEY}\n"])
def test_a_key_is_taken_with_and_without_0x(key: str) -> None:
    assert found({**V3, "API_PRIVATE_KEY": key}).private_key == KEY


def test_v1_keys_stand_alone_or_beside_v3() -> None:
    alone, both = found(V1), found({**V3, **V1})
    assert (alone.has_v1, alone.has_v3, both.has_v1, both.has_v3) == (True, False, True, True)
    assert (both.v1_public_key, both.v1_private_key) == (V1_PUBLIC, V1_PRIVATE)


def test_the_environment_goes_before_the_dotenv_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(f'API_USER={SIGNER}\nexport API_PRIVATE_KEY="{KEY}"\n', encoding="utf-8")
    assert found({}, dotenv).user == SIGNER
    assert found({"API_USER": USER}, dotenv).user == USER


def test_values_come_from_files_that_variables_name(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY + "\n", encoding="utf-8")
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"API_PRIVATE_KEY_FILE={tmp_path / 'key'}\n", encoding="utf-8")
    assert found({"API_USER": USER, "API_PRIVATE_KEY_FILE": str(tmp_path / "key")}).private_key == KEY
    assert found({"API_USER": USER}, dotenv).private_key == KEY


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"API_USER": USER}, "environment: API_PRIVATE_KEY is not set: set API_PRIVATE_KEY or API_PRIVATE_KEY_FILE"),
        ({"API_PRIVATE_KEY": KEY}, "environment: API_USER is not set: set API_USER or API_USER_FILE"),
        ({"API_SIGNER": SIGNER}, "API_USER is not set"),
        ({"APIV1_PUBLIC_KEY": V1_PUBLIC}, "APIV1_PRIVATE_KEY is not set: the two APIV1 keys go together"),
        ({"APIV1_PRIVATE_KEY": V1_PRIVATE}, "APIV1_PUBLIC_KEY is not set: the two APIV1 keys go together"),
        ({**V3, "API_USER": "me"}, "API_USER is no address: 0x and 40 hexadecimal digits"),
        ({**V3, "API_USER": KEY}, "API_USER is no address: 0x and 40 hexadecimal digits"),
        ({**V3, "API_USER": USER.replace("E0F", "e0F")}, "API_USER has a wrong checksum, so it was mistyped"),
        ({**V3, "API_SIGNER": USER}, f"API_SIGNER is not the address of API_PRIVATE_KEY: leave API_SIGNER out, or set it to {SIGNER}"),
        ({**V3, "API_PRIVATE_KEY": KEY[:-1]}, "API_PRIVATE_KEY is no private key: 64 hexadecimal digits"),
        ({**V3, "API_PRIVATE_KEY": SIGNER}, "API_PRIVATE_KEY is no private key: an address is no key"),
        ({**V3, "API_PRIVATE_KEY": "0x" + "0" * 64}, "a key that a wallet has made"),
        ({**V3, "API_PRIVATE_KEY": "0x" + "f" * 64}, "a key that a wallet has made"),
        ({**V1, "APIV1_PRIVATE_KEY": "with a blank in it"}, "APIV1_PRIVATE_KEY is no API key"),
        ({**V3, "API_USER_FILE": "/x"}, "API_USER and API_USER_FILE are both set: only one of them"),
        ({"API_USER": USER, "API_PRIVATE_KEY_FILE": "/no/such"}, "API_PRIVATE_KEY_FILE cannot be read: no such file"),
    ],
)  # fmt: skip
def test_a_wrong_credential_is_told_by_name(env: dict[str, str], message: str) -> None:
    text = faults(env)
    assert message in text
    assert all(secret not in text for secret in (KEY[2:40], V1_PRIVATE[:20]))


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(faults({"API_USER": "x", "API_PRIVATE_KEY": "y", "APIV1_PUBLIC_KEY": "z"}).splitlines()) == 4


@pytest.mark.parametrize(
    ("raw", "message"), [(b"", "names an empty file"), (b"\xff\xfe", "names a file that is no text")]
)
def test_a_faulty_credential_file_is_told(tmp_path: Path, raw: bytes, message: str) -> None:
    (tmp_path / "key").write_bytes(raw)
    assert message in faults({"API_USER": USER, "API_PRIVATE_KEY_FILE": str(tmp_path / "key")})


def test_a_dotenv_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    assert "cannot be read: lines of NAME=value in UTF-8" in faults({}, tmp_path / ".env")


def test_no_form_of_credentials_shows_a_secret() -> None:
    credentials = found({**V3, **V1})
    for text in (repr(credentials), str(credentials), f"{credentials}", f"{credentials!r}", str([credentials])):
        assert KEY[2:20] not in text
        assert V1_PRIVATE[:20] not in text
        assert V1_PUBLIC[:20] not in text
        assert USER in text


@given(st.dictionaries(st.sampled_from(NAMES), st.text(min_size=20)))
def test_nothing_is_raised_but_a_config_error_that_shows_no_value(env: dict[str, str]) -> None:
    message = ""
    try:
        read_credentials(env)
    except ConfigError as error:
        message = str(error)
    assert all(value.strip() not in message for value in env.values() if value.strip())


def test_the_address_of_no_key_is_a_value_error_without_the_key() -> None:
    with pytest.raises(ValueError, match=r"^not a private key$"):
        address_of("0x" + "ff" * 32)
