"""A commented fleet file to begin with, and the schema beside it that its first line names."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fleet.config.schema import fleet_schema_text

SCHEMA_NAME = "fleet.schema.json"


def starter_text() -> str:
    return files("fleet.config").joinpath("starter.yaml").read_text("utf-8")


def write_starter(path: Path) -> list[Path]:
    """The files written. Overwrites nothing: FileExistsError for the fleet file; a schema that is there is kept."""
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(starter_text())
    schema = path.with_name(SCHEMA_NAME)
    if schema.exists():
        return [path]
    schema.write_text(fleet_schema_text(), encoding="utf-8", newline="\n")
    return [path, schema]
