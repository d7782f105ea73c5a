"""Builds a kustomization to its objects, by kubectl or, where there is none, by hand.

By hand means: the few features that k8s/ uses (resources, namespace, configMapGenerator from files, JSON patches). Any
other key is refused, so that the two ways cannot drift apart unseen.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import cast

import yaml
from pydantic import JsonValue

Object = dict[str, JsonValue]

_KNOWN_KEYS = {"apiVersion", "kind", "resources", "namespace", "configMapGenerator", "patches"}


def kubectl() -> str | None:
    return shutil.which("kubectl")


def build(root: Path) -> list[Object]:
    return build_by_kubectl(root) if kubectl() else build_by_hand(root)


def build_by_kubectl(root: Path) -> list[Object]:
    rendered = subprocess.run(["kubectl", "kustomize", str(root)], check=True, capture_output=True, text=True).stdout
    return in_order(_documents(rendered))


def build_by_hand(root: Path) -> list[Object]:
    return in_order(_build(root))


def in_order(objects: Iterable[Object]) -> list[Object]:
    return sorted(objects, key=identity)


def identity(thing: Object) -> str:
    return f"{thing['kind']}/{at(thing, 'metadata.name')}"


def at(value: JsonValue, path: str) -> JsonValue:
    """What stands at a JSON pointer (RFC 6901, its first slash left out); None where nothing does."""
    for step in path.split("/"):
        if isinstance(value, list):
            value = value[int(step)] if int(step) < len(value) else None
        elif isinstance(value, dict):
            value = value.get(step.replace("~1", "/"))
        else:
            return None
    return value


def load(path: Path) -> Object:
    return cast("Object", yaml.safe_load(path.read_text()))


def _documents(text: str) -> list[Object]:
    return cast("list[Object]", list(yaml.safe_load_all(text)))


def _build(root: Path) -> list[Object]:
    recipe = load(root / "kustomization.yaml")
    if unknown := recipe.keys() - _KNOWN_KEYS:
        raise ValueError(f"{root}: needs kubectl for {', '.join(sorted(unknown))}")
    objects: list[Object] = []
    for name in cast("list[str]", recipe["resources"]):
        path = root / name
        objects += _build(path) if path.is_dir() else _documents(path.read_text())
    objects += [_config_map(root, entry) for entry in cast("list[Object]", recipe.get("configMapGenerator", []))]
    for entry in cast("list[Object]", recipe.get("patches", [])):
        kind, name = at(entry, "target/kind"), at(entry, "target/name")
        operations = cast("list[Object]", yaml.safe_load((root / str(entry["path"])).read_text()))
        for thing in objects:
            if (thing["kind"], at(thing, "metadata/name")) == (kind, name):
                _patch(thing, operations)
    if namespace := recipe.get("namespace"):
        for thing in objects:
            field = "name" if thing["kind"] == "Namespace" else "namespace"
            cast("Object", thing["metadata"])[field] = namespace
    return objects


def _config_map(root: Path, entry: Object) -> Object:
    if at(entry, "options/disableNameSuffixHash") is not True:
        raise ValueError(f"{root}: needs kubectl for a name with a hash")
    data: Object = {name: (root / name).read_text() for name in cast("list[str]", entry["files"])}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": entry["name"]}, "data": data}


def _patch(thing: Object, operations: list[Object]) -> None:
    for operation in operations:
        way, _, last = str(operation["path"]).removeprefix("/").rpartition("/")
        parent = at(thing, way)
        value = deepcopy(operation["value"])
        match operation["op"], parent:
            case "add", list() if last == "-":
                parent.append(value)
            case "replace", list() if last.isdigit():
                parent[int(last)] = value
            case "add" | "replace", dict():
                parent[last] = value
            case what, _:
                raise ValueError(f"needs kubectl for {what} at {operation['path']}")
