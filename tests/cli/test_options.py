"""Options that several commands share: what is no value of theirs is told, whatever was typed."""

from __future__ import annotations

import click
import pytest

from fleet.cli.options import HOST_PORT


@pytest.mark.parametrize(
    ("given", "found"),
    [("127.0.0.1:8787", ("127.0.0.1", 8787)), ("[::1]:0", ("::1", 0)), ("localhost:65535", ("localhost", 65535))],
)
def test_a_host_and_a_port(given: str, found: tuple[str, int]) -> None:
    assert HOST_PORT.convert(given, None, None) == found


@pytest.mark.parametrize("given", ["8787", ":8787", "host:", "host:-1", "host:65536", "host:²", "host:" + "9" * 5000])
def test_what_is_no_host_and_port(given: str) -> None:
    with pytest.raises(click.BadParameter, match=r"is no HOST:PORT, such as 127\.0\.0\.1:8787"):
        HOST_PORT.convert(given, None, None)
