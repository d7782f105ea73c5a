"""The image and its compose file: pinned, small in rights, clean in its stop."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import cast

import pytest
from kustomize import Object, at, load
from pydantic import JsonValue

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def instructions() -> list[tuple[str, str]]:
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def of(name: str) -> list[str]:
    return [rest for word, rest in instructions() if word == name]


def last_stage() -> list[tuple[str, str]]:
    everything = instructions()
    start = max(index for index, (word, _) in enumerate(everything) if word == "FROM")
    return everything[start:]


def only(name: str) -> str:
    (value,) = [rest for word, rest in last_stage() if word == name]
    return value


def base() -> str:
    (image,) = [rest.removeprefix("BASE=") for rest in of("ARG") if rest.startswith("BASE=")]
    return image


def test_the_base_is_pinned_to_an_exact_version_and_its_digest() -> None:
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}", base())
    assert [image.split(" AS ")[0] for image in of("FROM")] == ["${BASE}", "${BASE}"]


def test_only_the_environment_reaches_the_last_stage() -> None:
    assert [rest for word, rest in last_stage() if word == "COPY"] == ["--from=builder /opt/venv /opt/venv"]
    assert not [rest for word, rest in last_stage() if word == "RUN"]


def test_packages_come_by_hash_and_the_project_from_its_own_source() -> None:
    installs = [cast("list[str]", json.loads(rest)) for rest in of("RUN") if "install" in rest]
    assert len(installs) == 2
    assert {"--require-hashes", "requirements.txt"} <= set(installs[0])
    assert {"--no-index", "--no-deps", "--no-build-isolation", "."} <= set(installs[1])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ENTRYPOINT", ["astermm-fleet"]),
        ("CMD", ["up", "/config/fleet.yaml", "--plain", "--log-format", "json"]),
    ],
)
def test_the_process_is_started_without_a_shell(name: str, expected: list[str]) -> None:
    assert json.loads(only(name)) == expected


def test_the_user_is_a_number_other_than_root() -> None:
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", only("USER"))


def test_a_stop_is_the_signal_that_drains() -> None:
    assert only("STOPSIGNAL") == "SIGTERM"


@pytest.mark.parametrize(("answer", "exit_code"), [(200, 0), (503, 1)])
def test_the_health_check_asks_the_control_endpoint(answer: int, exit_code: int) -> None:
    asked: list[str] = []

    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(answer)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    check = only("HEALTHCHECK")
    _, flag, program = cast("list[str]", json.loads(check[check.index("[") :]))
    with HTTPServer(("127.0.0.1", 0), Endpoint) as server:
        server.timeout = 10
        asker = subprocess.Popen(
            [sys.executable, flag, program], env={"ASTERMM_CONTROL": f"0.0.0.0:{server.server_port}"}
        )
        server.handle_request()
        assert asker.wait(timeout=10) == exit_code
    assert asked == ["/healthz"]


@pytest.mark.parametrize("setting", ["PYTHONDONTWRITEBYTECODE=1", "HOME=/tmp", "ASTERMM_CONTROL=0.0.0.0:8787"])
def test_the_environment_suits_a_read_only_root(setting: str) -> None:
    assert setting in only("ENV").split()


def test_nothing_is_fetched_by_address_and_no_secret_is_named() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert not of("ADD")
    assert "://" not in text
    assert not re.search(r"API_|PRIVATE_KEY|TOKEN|PASSWORD", text)


def test_what_the_image_is_built_from_is_all_that_the_builder_is_sent() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    copied = {name for rest in of("COPY") if "--from" not in rest for name in rest.split()[:-1]}
    assert ignored[0] == "*"
    assert {line[1:] for line in ignored if line[0] == "!"} == copied
    assert all((ROOT / name).exists() for name in copied)


def test_the_label_states_this_version() -> None:
    assert f"VERSION={VERSION}" in of("ARG")


@pytest.mark.parametrize("service", ["paper", "live"])
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("image", f"astermm-fleet:{VERSION}"),
        ("read_only", True),
        ("cap_drop", ["ALL"]),
        ("security_opt", ["no-new-privileges:true"]),
        ("user", "10001:10001"),
        ("privileged", None),
        ("ports", ["127.0.0.1:8787:8787"]),
        ("stop_grace_period", "60s"),
        ("volumes/0/target", "/config/fleet.yaml"),
        ("volumes/0/read_only", True),
    ],
)
def test_compose_policy(service: str, path: str, expected: JsonValue) -> None:
    assert at(load(ROOT / "docker-compose.yml"), f"services/{service}/{path}") == expected


def test_compose_trades_on_paper_unless_live_is_asked_for() -> None:
    services = cast("dict[str, Object]", load(ROOT / "docker-compose.yml")["services"])
    assert [name for name, service in services.items() if "profiles" not in service] == ["paper"]
    assert at(services["paper"], "secrets") is None
    # What was traded on paper may go with the container, with real money it may not.
    assert at(services["paper"], "volumes/1") is None
    ledgers = cast("Object", at(services["live"], "volumes/1"))
    environment = dict(cast("Object", services["live"]["environment"]))
    assert environment.pop("ASTERMM_LEDGERS") == ledgers["target"]
    assert ledgers.get("read_only") is None
    assert at(services["live"], "volumes/2") is None
    assert "--live" in cast("list[str]", services["live"]["command"])
    assert all(name.endswith("_FILE") and str(path).startswith("/run/secrets/") for name, path in environment.items())
    # A file that is named must be there: what may be left out is not named.
    assert at(services["live"], "secrets") == ["api_user", "api_private_key"]


def test_the_image_builds() -> None:
    if shutil.which("docker") is None:
        pytest.skip("docker is not on this machine")
    if subprocess.run(["docker", "image", "inspect", base()], capture_output=True, check=False).returncode != 0:
        pytest.skip("no docker daemon, or it does not hold the base image")
    subprocess.run(["docker", "build", "--pull=false", "--tag", "astermm-fleet:test", str(ROOT)], check=True)
