"""Commands over the control endpoint: who may give them, and what is answered."""

from __future__ import annotations

from decimal import Decimal

import httpx
import pytest

from fleet.control.commands import LONGEST_BODY, Away, Commands, Wish, Wrong
from fleet.control.server import make_app
from fleet.views.sample import sample_state

TOKEN = {"X-Astermm-Token": "secret"}


class House:
    def __init__(self) -> None:
        self.wishes: list[Wish] = []

    async def carry(self, wish: Wish) -> object:
        self.wishes.append(wish)
        if wish.symbol == "NONE":
            raise Wrong("no such symbol")
        if wish.symbol == "EARLY":
            raise Away("it is starting")
        return {"symbols": [wish.symbol]}

    async def ask(
        self,
        headers: dict[str, str],
        body: bytes = b"{}",
        *,
        method: str = "POST",
        path: str = "/v1/kill",
        client: tuple[str, int] = ("127.0.0.1", 50000),
    ) -> httpx.Response:
        paths = ("/v1/kill", "/v1/flatten", "/v1/resume")
        app = make_app(sample_state, Commands("secret", dict.fromkeys(paths, self.carry)))
        transport = httpx.ASGITransport(app=app, client=client)
        async with httpx.AsyncClient(transport=transport, base_url="http://fleet") as http:
            return await http.request(method, path, content=body, headers=headers)


@pytest.mark.parametrize(
    ("headers", "client", "status"),
    [
        (TOKEN, "127.0.0.1", 200),
        (TOKEN, "::1", 200),
        (TOKEN, "::ffff:127.0.0.1", 200),
        ({}, "127.0.0.1", 401),
        ({"X-Astermm-Token": "secre"}, "127.0.0.1", 401),
        ({"X-Astermm-Token": ""}, "127.0.0.1", 401),
        ({**TOKEN, "Origin": "http://127.0.0.1:8787"}, "127.0.0.1", 403),
        ({**TOKEN, "Origin": "null"}, "127.0.0.1", 403),
        ({**TOKEN, "Sec-Fetch-Site": "same-origin"}, "127.0.0.1", 403),
        (TOKEN, "10.0.0.7", 403),
        (TOKEN, "::ffff:10.0.0.7", 403),
        (TOKEN, "somewhere", 403),
    ],
)
async def test_who_may_command(headers: dict[str, str], client: str, status: int) -> None:
    house = House()
    assert (await house.ask(headers, client=(client, 1))).status_code == status
    assert len(house.wishes) == (status == 200)


@pytest.mark.parametrize(
    ("body", "status", "wish"),
    [
        (b"{}", 200, Wish()),
        (b'{"symbol": null}', 200, Wish()),
        (b'{"symbol": "X", "slippage": "0.02"}', 200, Wish("X", Decimal("0.02"))),
        (b'{"symbol": "NONE"}', 400, Wish("NONE")),
        (b'{"symbols": ["X"]}', 400, None),  # read as "all", a misspelt key would do too much
        (b"", 400, None),
        (b"[]", 400, None),
        (b'{"symbol": "' + b"X" * LONGEST_BODY + b'"}', 400, None),
    ],
)
async def test_wishes(body: bytes, status: int, wish: Wish | None) -> None:
    house = House()
    answer = await house.ask(TOKEN, body)
    assert answer.status_code == status
    assert house.wishes == ([] if wish is None else [wish])
    assert ("error" in answer.json()) is (status == 400)


@pytest.mark.parametrize("path", ["/v1/kill", "/v1/flatten", "/v1/resume"])
async def test_a_command_is_a_post(path: str) -> None:
    house = House()
    answer = await house.ask(TOKEN, method="GET", path=path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert house.wishes == []


async def test_without_commands_the_endpoint_only_tells() -> None:
    transport = httpx.ASGITransport(app=make_app(sample_state))
    async with httpx.AsyncClient(transport=transport, base_url="http://fleet") as http:
        assert (await http.post("/v1/kill", content=b"{}", headers=TOKEN)).status_code == 405


def test_the_token_is_not_shown() -> None:
    assert "secret" not in repr(Commands("secret", {}))


async def test_who_cannot_carry_it_out_now_says_so_in_a_way_that_is_no_refusal() -> None:
    answer = await House().ask(TOKEN, b'{"symbol": "EARLY"}')
    assert (answer.status_code, answer.json()) == (503, {"error": "it is starting"})
