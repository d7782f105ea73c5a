"""The manifests: what Kubernetes accepts, and what a fleet that holds money asks of them."""

from __future__ import annotations

import re
import tomllib
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import cast

import kubernetes_validate
import pytest
from kustomize import Object, at, build, build_by_hand, build_by_kubectl, identity, kubectl
from pydantic import JsonValue

from fleet.config.loader import load as load_fleet

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"
OVERLAYS = sorted(path.name for path in (K8S / "overlays").iterdir())
OLDEST_KUBERNETES, NEWEST_KUBERNETES = "1.31.0", "1.37.0"
DRAIN_S = 30

POD = "spec/template/spec"
FLEET = f"{POD}/containers/0"

POLICY: list[tuple[str, str, JsonValue]] = [
    # Two fleets of one name would fight over the same orders.
    ("Deployment", "spec/replicas", 1),
    ("Deployment", "spec/strategy", {"type": "Recreate"}),
    # Restricted, to the letter of the pod security standard and a little beyond.
    ("Namespace", "metadata/labels/pod-security.kubernetes.io~1enforce", "restricted"),
    ("ServiceAccount", "automountServiceAccountToken", False),
    ("Deployment", f"{POD}/automountServiceAccountToken", False),
    ("Deployment", f"{POD}/serviceAccountName", "astermm-fleet"),
    ("Deployment", f"{POD}/securityContext/runAsNonRoot", True),
    ("Deployment", f"{POD}/securityContext/runAsUser", 10001),
    ("Deployment", f"{POD}/securityContext/seccompProfile/type", "RuntimeDefault"),
    ("Deployment", f"{POD}/hostNetwork", None),
    ("Deployment", f"{FLEET}/securityContext/readOnlyRootFilesystem", True),
    ("Deployment", f"{FLEET}/securityContext/allowPrivilegeEscalation", False),
    ("Deployment", f"{FLEET}/securityContext/capabilities", {"drop": ["ALL"]}),
    # A restart is for a process that does not answer; readiness for one that does not trade.
    ("Deployment", f"{FLEET}/startupProbe/httpGet", {"path": "/healthz", "port": "control"}),
    ("Deployment", f"{FLEET}/livenessProbe/httpGet", {"path": "/healthz", "port": "control"}),
    ("Deployment", f"{FLEET}/readinessProbe/httpGet", {"path": "/readyz", "port": "control"}),
    ("Deployment", f"{FLEET}/ports", [{"name": "control", "containerPort": 8787}]),
    # The image's own entry point, told which file.
    ("Deployment", f"{FLEET}/command", None),
    ("Deployment", f"{FLEET}/args/1", "/config/fleet.yaml"),
    ("Service", "spec/type", "ClusterIP"),
    ("Service", "spec/ports/0/port", 8787),
    ("Service", "metadata/annotations/prometheus.io~1path", "/metrics"),
    ("NetworkPolicy", "spec/policyTypes", ["Ingress", "Egress"]),
    ("NetworkPolicy", "spec/ingress/0/from", [{"podSelector": {}}]),
    ("NetworkPolicy", "spec/ingress/0/ports", [{"port": 8787, "protocol": "TCP"}]),
    ("NetworkPolicy", "spec/ingress/1", None),
    ("PodDisruptionBudget", "spec/maxUnavailable", 1),
]


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    return cast("str", request.param)


@cache
def built(overlay: str) -> list[Object]:
    return build(K8S / "overlays" / overlay)


def one(objects: list[Object], kind: str) -> Object:
    (found,) = [thing for thing in objects if thing["kind"] == kind]
    return found


def test_the_overlays_are_the_ones_the_documents_name() -> None:
    assert OVERLAYS == ["paper", "tokyo"]


@pytest.mark.skipif(kubectl() is None, reason="kubectl is not on this machine")
@pytest.mark.parametrize("path", ["base", "overlays/paper", "overlays/tokyo"])
def test_by_hand_builds_what_kubectl_builds(path: str) -> None:
    assert build_by_hand(K8S / path) == build_by_kubectl(K8S / path)


@pytest.mark.parametrize(
    ("kustomization", "missing"),
    [
        ("{resources: [], namePrefix: x-}", "namePrefix"),
        ("{resources: [], configMapGenerator: [{name: a, files: []}]}", "a name with a hash"),
    ],
)
def test_by_hand_refuses_what_it_cannot_build(kustomization: str, missing: str, tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text(kustomization)
    with pytest.raises(ValueError, match=f"needs kubectl for {missing}"):
        build_by_hand(tmp_path)


@pytest.mark.parametrize("version", [OLDEST_KUBERNETES, NEWEST_KUBERNETES])
def test_every_object_passes_its_schema(overlay: str, version: str) -> None:
    for thing in built(overlay):
        kubernetes_validate.validate(thing, version, strict=True)


def test_a_field_that_kubernetes_does_not_know_is_noticed(overlay: str) -> None:
    deployment = deepcopy(one(built(overlay), "Deployment"))
    cast("Object", deployment["spec"])["replica"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, NEWEST_KUBERNETES, strict=True)


@pytest.mark.parametrize(("kind", "path", "expected"), POLICY)
def test_policy(overlay: str, kind: str, path: str, expected: JsonValue) -> None:
    assert at(one(built(overlay), kind), path) == expected


def test_the_pod_is_given_longer_than_the_drain_takes(overlay: str) -> None:
    grace = at(one(built(overlay), "Deployment"), f"{POD}/terminationGracePeriodSeconds")
    assert isinstance(grace, int)
    assert grace >= DRAIN_S + 10


def test_resources_are_asked_for_and_memory_is_bounded(overlay: str) -> None:
    resources = at(one(built(overlay), "Deployment"), f"{FLEET}/resources")
    assert all(at(resources, path) for path in ("requests/cpu", "requests/memory", "limits/memory"))


def test_the_network_leads_out_to_names_and_https_only(overlay: str) -> None:
    rules = cast("list[Object]", at(one(built(overlay), "NetworkPolicy"), "spec/egress"))
    ports = [port["port"] for rule in rules for port in cast("list[Object]", rule["ports"])]
    assert ports == [53, 53, 53, 53, 443]
    assert all(rule.get("to") for rule in rules)


def test_the_nodes_own_name_server_is_reached_and_its_metadata_is_not(overlay: str) -> None:
    """NodeLocal DNSCache answers at a link-local address, where clouds have their metadata too."""
    rules = cast("list[Object]", at(one(built(overlay), "NetworkPolicy"), "spec/egress"))
    link_local = [
        port["port"]
        for rule in rules
        if {"ipBlock": {"cidr": "169.254.0.0/16"}} in cast("list[Object]", rule["to"])
        for port in cast("list[Object]", rule["ports"])
    ]
    assert link_local == [53, 53]
    assert "169.254.0.0/16" in cast("list[str]", at(rules[-1], "to/0/ipBlock/except"))


def test_policy_service_and_budget_mean_the_fleets_pod(overlay: str) -> None:
    objects = built(overlay)
    labels = at(one(objects, "Deployment"), "spec/template/metadata/labels")
    assert at(one(objects, "Deployment"), "spec/selector/matchLabels") == labels
    assert at(one(objects, "Service"), "spec/selector") == labels
    assert at(one(objects, "NetworkPolicy"), "spec/podSelector/matchLabels") == labels
    assert at(one(objects, "PodDisruptionBudget"), "spec/selector/matchLabels") == labels


def test_the_image_is_pinned_to_this_version(overlay: str) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert at(one(built(overlay), "Deployment"), f"{FLEET}/image") == f"astermm-fleet:{version}"


def test_everything_is_in_the_overlays_own_namespace(overlay: str) -> None:
    for thing in built(overlay):
        where = at(thing, "metadata/name" if thing["kind"] == "Namespace" else "metadata/namespace")
        assert where == f"astermm-{overlay}", identity(thing)


def test_the_fleet_file_reloads_in_place(overlay: str) -> None:
    objects = built(overlay)
    config_map, deployment = one(objects, "ConfigMap"), one(objects, "Deployment")
    volumes = cast("list[Object]", at(deployment, f"{POD}/volumes"))
    (volume,) = [volume for volume in volumes if "configMap" in volume]
    # A hash in the name would make every edit a roll-out; a subPath would hide the swapped symlink.
    assert at(config_map, "metadata/name") == at(volume, "configMap/name") == "astermm-fleet"
    mounts = cast("list[Object]", at(deployment, f"{FLEET}/volumeMounts"))
    assert {"name": volume["name"], "mountPath": "/config", "readOnly": True} in mounts
    assert not any("subPath" in mount for mount in mounts)
    assert list(cast("Object", config_map["data"])) == ["fleet.yaml"]


def test_the_fleet_file_is_sound_and_leaves_the_endpoint_on(overlay: str) -> None:
    config = load_fleet(K8S / "overlays" / overlay / "fleet.yaml", {}).config
    assert config.venue == {"paper": "paper", "tokyo": "mainnet"}[overlay]
    assert config.control is not None


def test_nothing_but_tmp_and_the_ledger_is_written(overlay: str) -> None:
    mounts = cast("list[Object]", at(one(built(overlay), "Deployment"), f"{FLEET}/volumeMounts"))
    assert [mount["mountPath"] for mount in mounts if not mount.get("readOnly")] == ["/tmp", "/var/lib/astermm"]
    environment = cast("list[Object]", at(one(built(overlay), "Deployment"), f"{FLEET}/env"))
    assert {"name": "ASTERMM_LEDGERS", "value": "/var/lib/astermm"} in environment


def test_the_ledger_of_real_money_outlives_the_pod() -> None:
    objects = built("tokyo")
    claim = at(one(objects, "PersistentVolumeClaim"), "metadata/name")
    volumes = cast("list[Object]", at(one(objects, "Deployment"), f"{POD}/volumes"))
    assert {"name": "ledger", "persistentVolumeClaim": {"claimName": claim}} in volumes


def test_credentials_come_as_files_and_stand_in_no_manifest(overlay: str) -> None:
    objects = built(overlay)
    assert not [thing for thing in objects if thing["kind"] == "Secret"]
    deployment = one(objects, "Deployment")
    environment = cast("list[Object]", at(deployment, f"{FLEET}/env"))
    given = {str(entry["name"]): entry for entry in environment if str(entry["name"]).startswith("API")}
    signer = given.pop("API_SIGNER")
    assert {name: entry["value"] for name, entry in given.items()} == {
        f"{name}_FILE": f"/run/secrets/astermm/{name}" for name in ("API_USER", "API_PRIVATE_KEY")
    }
    # It may be left out, as everywhere: a file of it that is not there would be a fault.
    assert at(signer, "valueFrom/secretKeyRef/optional") is True
    assert not any(re.search(r"\b(0x)?[0-9a-fA-F]{40,}\b", str(thing)) for thing in objects)


@pytest.mark.parametrize(("overlay", "live", "optional"), [("paper", False, True), ("tokyo", True, False)])
def test_real_money_takes_a_flag_and_credentials(overlay: str, live: bool, optional: bool) -> None:
    deployment = one(built(overlay), "Deployment")
    assert ("--live" in cast("list[str]", at(deployment, f"{FLEET}/args"))) == live
    volumes = cast("list[Object]", at(deployment, f"{POD}/volumes"))
    (secret,) = [volume["secret"] for volume in volumes if "secret" in volume]
    assert at(secret, "optional") == optional


def test_tokyo_runs_in_tokyo() -> None:
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    affinity = at(one(built("tokyo"), "Deployment"), f"{POD}/affinity/nodeAffinity/{required}")
    assert at(affinity, "nodeSelectorTerms/0/matchExpressions") == [
        {"key": "topology.kubernetes.io/region", "operator": "In", "values": ["ap-northeast-1"]}
    ]
