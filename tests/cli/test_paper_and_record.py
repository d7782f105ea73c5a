"""A fleet on a paper exchange that runs alone, and on a recording that was made of it: real processes."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import processes
import pytest

from exchange.model import Depth, PublicTrade
from exchange.paper.instruments import instrument
from exchange.paper.recordings import Gap, read_recording

FLEET = """\
fleet: pair
venue: {venue}
paper: {paper}
control: null
defaults: {{strategy: ping_pong, buy_spread: 1bps, sell_spread: 1bps, balance_fraction: 0.1}}
symbols:
  ASTERUSDT: {{}}
  BTCUSDT: {{}}
"""


def write_fleet(directory: Path, venue: str, paper: str = "{}") -> Path:
    path = directory / "fleet.yaml"
    path.write_text(FLEET.format(venue=venue, paper=paper), encoding="utf-8")
    return path


def up(directory: Path, seconds: int) -> dict[str, Any]:
    """Runs the fleet file of a directory to its end."""
    code, _, err = processes.run(
        "up", "fleet.yaml", "--plain", "--for", f"{seconds}s", "--summary", "s.json", cwd=directory, within_s=60
    )
    assert code == 0, err
    return json.loads((directory / "s.json").read_text("utf-8"))


def test_what_paper_prints_can_be_pasted(tmp_path: Path) -> None:
    """The venue line into a fleet file, the keys into .env: the fleet trades, and every command sees its orders."""
    process = processes.start("paper", "--port", "0", "--seed", "3", "--for", "120s")
    assert process.stdout is not None
    said = ""
    while "Ctrl-C" not in said:
        said += process.stdout.readline()
    try:
        (venue,) = re.findall(r"^venue: (.+)$", said, re.MULTILINE)
        write_fleet(tmp_path, venue)
        (tmp_path / ".env").write_text("\n".join(re.findall(r"^API.+$", said, re.MULTILINE)), encoding="utf-8")
        (rest,) = re.findall(r"^REST base +(\S+)$", said, re.MULTILINE)
        watching = processes.start("watch", "user", "--json", "--venue", rest, "--for", "60s", cwd=tmp_path)
        assert watching.stderr is not None
        assert "account stream: up" in watching.stderr.readline()
        fleet = processes.start("up", "fleet.yaml", "--plain", "--for", "8s", "--summary", "s.json", cwd=tmp_path)
        assert watching.stdout is not None
        first = json.loads(watching.stdout.readline())
        assert (first["event"], first["fleet"]) == ("order", "pair")
        code, out, _ = processes.run("orders", "--json", "--venue", rest, "--seed", "3", cwd=tmp_path)
        orders = json.loads(out)
        assert code == 0
        assert orders
        assert {order["fleet"] for order in orders} == {"pair"}
        assert " pair " in processes.run("orders", "--venue", rest, cwd=tmp_path)[1]
        code, out, err = processes.end(fleet, 60)
        assert code == 0, err
        summary = json.loads((tmp_path / "s.json").read_text("utf-8"))
        assert summary["fleet"]["own_orders_left_open"] == 0
        assert summary["fleet"]["http_429"] == 0
        assert all(each["placed"] for each in summary["symbols"].values())
        watching.terminate()
        code, out, _ = processes.end(watching)
        assert code == 0
        assert {json.loads(line)["event"] for line in out.splitlines()} <= {"order", "account"}
    finally:
        process.send_signal(signal.SIGINT)
        code, out, err = processes.end(process)
    assert (code, out, err) == (0, "the paper exchange is closed\n", "")


def test_the_same_seed_prints_the_same_keys() -> None:
    said: list[Any] = []
    for seed in ("5", "5", "6"):
        with processes.paper("--seed", seed, "--symbols", "BTCUSDT") as card:
            said.append(card["env"])
    assert said[0] == said[1]
    assert not said[0].items() & said[2].items()


def test_one_paper_exchange_follows_another(tmp_path: Path) -> None:
    """Over real sockets: the markets are the other's, and a fleet trades on them."""
    with processes.paper("--symbols", "ASTERUSDT,BTCUSDT", "--seed", "5") as mainnet:
        source = f"live:{mainnet['rest']}"
        code, _, err = processes.run("paper", "--port", "0", "--feed", source, "--symbols", "ASTRUSDT")
        assert (code, err) == (2, f"ASTRUSDT is not traded at {mainnet['rest']}: did you mean ASTERUSDT?\n")
        with processes.paper("--feed", source, "--symbols", "ASTERUSDT,BTCUSDT", "--seed", "9") as card:
            assert (card["feed"], card["symbols"]) == (source, ["ASTERUSDT", "BTCUSDT"])
            assert card["env"] != mainnet["env"]
            mids = [mid_prices(each["rest"]) for each in (mainnet, card)]
            assert mids[0].keys() >= mids[1].keys() == {"ASTERUSDT", "BTCUSDT"}
            assert all(abs(mids[0][symbol] / mids[1][symbol] - 1) < 0.01 for symbol in mids[1])
        live = f'{{feed: {{live: {{rest: "{mainnet["rest"]}", stream: "{mainnet["stream"]}"}}}}}}'
        write_fleet(tmp_path, "paper", live)
        code, out, err = processes.run("validate", "fleet.yaml", cwd=tmp_path)
        assert code == 0, out + err
        summary = up(tmp_path, 6)
    assert (summary["fleet"]["own_orders_left_open"], summary["fleet"]["http_429"]) == (0, 0)
    assert all(each["placed"] for each in summary["symbols"].values())


def mid_prices(rest: str) -> dict[str, float]:
    code, out, err = processes.run("price", "ASTERUSDT", "BTCUSDT", "--json", "--venue", rest)
    assert code == 0, err
    return {row["symbol"]: float(row["mid"]) for row in json.loads(out)}


def test_a_source_that_is_not_there_is_told() -> None:
    code, _, err = processes.run("paper", "--port", "0", "--feed", "live:http://127.0.0.1:1")
    assert code == 1
    assert err.startswith("error: exchange_info: no connection")


ACCOUNTS = """\
accounts:
  desk:
    wallet: "0x63DD5aCC6b1aa0f563956C0e534DD30B6dcF7C4e"
    balance: {USDT: 777}
    hmac: {a-key-of-the-paper-desk: a-secret-of-the-paper-desk}
"""


def test_listed_accounts_are_all_there_is(tmp_path: Path) -> None:
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS, encoding="utf-8")
    with processes.paper("--accounts", str(tmp_path / "accounts.yaml"), "--symbols", "BTCUSDT") as card:
        assert (card["env"], list(card["accounts"])) == ({}, ["desk"])
        keys = "APIV1_PUBLIC_KEY=a-key-of-the-paper-desk\nAPIV1_PRIVATE_KEY=a-secret-of-the-paper-desk\n"
        (tmp_path / ".env").write_text(keys, encoding="utf-8")
        code, out, err = processes.run("balance", "--json", "--venue", card["rest"], cwd=tmp_path)
        assert code == 0, err
        assert float(json.loads(out)[0]["wallet"]) == 777
        code, out, err = processes.run("balance", "--json", "--venue", card["rest"])
        assert code == 1
        assert "No agent found" in err


@pytest.mark.parametrize(
    ("arguments", "text", "code", "message"),
    [
        (["--hmac", "a:b"], ACCOUNTS, 2, "--hmac is for the demonstration account"),
        (
            [],
            ACCOUNTS.replace("7C4e", ""),
            2,
            "accounts.yaml:3:13: wallet 0x63DD5aCC6b1aa0f563956C0e534DD30B6dcF is no",
        ),
        ([], None, 2, "accounts.yaml: cannot be read: no such file or directory: a readable accounts file"),
    ],
)
def test_what_is_wrong_with_an_accounts_file_is_told(
    tmp_path: Path, arguments: list[str], text: str | None, code: int, message: str
) -> None:
    file = tmp_path / "accounts.yaml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    found, _, err = processes.run("paper", "--port", "0", "--accounts", str(file), *arguments)
    assert (found, message in err) == (code, True), err


def test_the_demonstration_accounts_v1_key_can_be_chosen() -> None:
    with processes.paper("--hmac", "my-key:my-secret", "--symbols", "BTCUSDT") as card:
        assert (card["env"]["APIV1_PUBLIC_KEY"], card["env"]["APIV1_PRIVATE_KEY"]) == ("my-key", "my-secret")
    code, _, err = processes.run("paper", "--hmac", "private")
    assert (code, "private" in err) == (2, False)


def test_a_port_that_is_taken_is_told() -> None:
    with processes.paper("--symbols", "BTCUSDT") as card:
        port = card["rest"].rpartition(":")[2]
        code, out, err = processes.run("paper", "--port", port)
    assert (code, out) == (1, "")
    assert err == f"port {port} of 127.0.0.1 is taken, perhaps by another paper exchange: try --port 0\n"


@pytest.mark.parametrize("is_json", [False, True])
def test_a_recording_of_the_paper_exchange_is_traded_again(tmp_path: Path, is_json: bool) -> None:
    out = tmp_path / "recording"
    symbols = ("ASTERUSDT", "BTCUSDT")
    with processes.paper("--symbols", "ASTERUSDT,BTCUSDT") as card:
        options = ["--json"] if is_json else []
        code, said, err = processes.run(
            "record", *symbols, "--out", str(out), "--for", "5s", "--levels", "20", "--venue", card["rest"], *options
        )
        assert code == 0, err
    rows = {symbol: list(read_recording(out, instrument(symbol))) for symbol in symbols}
    told = {s: [sum(type(row) is kind for row in rows[s]) for kind in (Depth, PublicTrade, Gap)] for s in symbols}
    assert all(books > 10 and gaps == 0 for books, _, gaps in told.values())
    if is_json:
        summary = json.loads(said.splitlines()[-1])
        assert summary["event"] == "summary"
        assert {s: [c["books"], c["trades"], c["gaps"]] for s, c in summary["symbols"].items()} == told
    else:
        lines = [line.split() for line in said.splitlines()]
        assert [(line[0], line[1], line[2]) for line in lines[1:3]] == [
            (symbol, str(told[symbol][0]), str(told[symbol][1])) for symbol in symbols
        ]
        assert said.splitlines()[-1].endswith(f"astermm-fleet paper --feed {out}")
    write_fleet(tmp_path, "paper", "{feed: {replay: recording}}")
    summary = up(tmp_path, 5)
    assert summary["fleet"]["own_orders_left_open"] == 0
    assert all(each["placed"] for each in summary["symbols"].values())
    with processes.paper("--feed", str(out), "--speed", "2") as card:
        assert card["symbols"] == list(symbols)
        code, said, _ = processes.run("depth", "BTCUSDT", "--limit", "20", "--json", "--venue", card["rest"])
        assert (code, len(json.loads(said)["bids"])) == (0, 20)
        assert processes.run("price", "ETHUSDT", "--venue", card["rest"])[0] == 2


def test_a_fleet_on_a_symbol_that_was_not_recorded_is_told(tmp_path: Path) -> None:
    (tmp_path / "recording").mkdir()
    write_fleet(tmp_path, "paper", "{feed: {replay: recording}}")
    code, _, err = processes.run("up", "fleet.yaml", "--plain", "--for", "5s", cwd=tmp_path)
    assert code == 1
    assert "holds no recording" in err.splitlines()[-1]
    assert "a bug" not in err


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.glob("*.zst"))


def test_a_recorder_that_is_killed_loses_no_more_than_two_seconds(tmp_path: Path) -> None:
    with processes.paper("--symbols", "BTCUSDT") as card:
        options = ["--out", str(tmp_path), "--venue", card["rest"], "--for", "60s"]
        process = processes.start("record", "BTCUSDT", *options)
        processes.wait_until(lambda: _size(tmp_path) > 5_000, process)
        killed_us = time.time_ns() // 1000
        process.kill()
        processes.end(process)
        kept = [row for row in read_recording(tmp_path, instrument("BTCUSDT")) if isinstance(row, Depth)]
        assert kept[-1].received_us > killed_us - 2_000_000
        processes.run("record", "BTCUSDT", "--out", str(tmp_path), "--for", "2s", "--venue", card["rest"])
    rows = list(read_recording(tmp_path, instrument("BTCUSDT")))
    holes = [row for row in rows if isinstance(row, Gap)]
    assert [hole.reason for hole in holes] == ["recorder was not running"]
    assert rows.index(holes[0]) > 10
    assert sum(isinstance(row, Depth) for row in rows) > len(kept)


def test_the_admin_api_is_served_where_it_is_asked_for_and_opened_by_its_token() -> None:
    with processes.paper("--symbols", "BTCUSDT", "--admin-port", "0", "--admin-token", "quite-secret") as card:
        admin = card["admin"]
        assert admin["token"] == "quite-secret"
        assert httpx.get(f"{admin['url']}/state").status_code == 401
        headers = {"authorization": f"Bearer {admin['token']}"}
        state = httpx.get(f"{admin['url']}/state", headers=headers).json()
        assert state["symbols"] == {"BTCUSDT": "TRADING"}
        once = {"fault": "requests", "answer": "503"}
        assert httpx.post(f"{admin['url']}/faults/once", json=once, headers=headers).status_code == 200
        assert [httpx.get(f"{card['rest']}/fapi/v3/ping").status_code for _ in range(2)] == [503, 200]


@pytest.mark.parametrize("arguments", [(), ("--admin-port", "0")])
def test_without_a_token_one_is_made_up_and_without_a_port_nothing_is_served(arguments: tuple[str, ...]) -> None:
    with processes.paper("--symbols", "BTCUSDT", *arguments) as card:
        assert len(card.get("admin", {}).get("token", "")) == (32 if arguments else 0)
