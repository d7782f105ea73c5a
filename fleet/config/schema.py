"""JSON Schema of a fleet file, so that editors complete and check it while it is written.

Owns: the shape of the YAML as people write it: `defaults`, flat strategy parameters, variables. Must not know: values.
What a schema cannot say (duplicates, merged requirements, the exchange's rules) is left to the loader.
"""

from __future__ import annotations

import json
from typing import Any, cast

from pydantic import BaseModel

from fleet.config.models import DeadMan, FleetConfig, SymbolConfig, Weights
from fleet.config.paper_faults import Between, Faults
from fleet.config.risk import MaxFills, Mmp
from strategies.registry import STRATEGIES
from strategies.units import duration_text

Schema = dict[str, Any]
_VARIABLE: Schema = {"type": "string", "pattern": r"\$\{[A-Za-z_]"}
_ANNOTATIONS = ("description", "default", "examples", "title")
_ENTRY = "#/$defs/SymbolEntry"


def fleet_schema() -> Schema:
    """Draft 2020-12."""
    schema = FleetConfig.model_json_schema(by_alias=True, mode="validation")
    definitions: Schema = schema["$defs"]
    for model in (Faults, Weights, DeadMan, MaxFills, Mmp):
        _spell_durations(model, definitions[model.__name__]["properties"])
    # Told key by key where they are defined.
    del schema["properties"]["paper"]["default"]["faults"], definitions["Paper"]["properties"]["faults"]["default"]
    del schema["properties"]["budget"]["default"]["weights"], definitions["Budget"]["properties"]["weights"]["default"]
    del schema["properties"]["dead_man"]["default"]
    definitions["SymbolEntry"] = _symbol_entry(definitions.pop("SymbolConfig"), definitions)
    for definition in definitions.values():
        if "properties" in definition:
            definition["properties"] = {key: _with_variable(value) for key, value in definition["properties"].items()}
    properties: Schema = {key: _with_variable(value) for key, value in schema["properties"].items() if key != "symbols"}
    properties["defaults"] = {
        "description": "What every symbol starts from: any key of a symbol.",
        "anyOf": [{"$ref": _ENTRY}, {"type": "null"}],
    }
    properties["symbols"] = {
        "description": schema["properties"]["symbols"]["description"],
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"anyOf": [{"$ref": _ENTRY}, {"type": "null"}]},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A fleet of market makers on AsterDEX",
        "type": "object",
        "additionalProperties": False,
        "required": ["fleet", "venue", "symbols"],
        "properties": properties,
        "$defs": definitions,
    }


def fleet_schema_text() -> str:
    return json.dumps(fleet_schema(), indent=2, ensure_ascii=False) + "\n"


def _symbol_entry(symbol: Schema, definitions: Schema) -> Schema:
    """Common keys and those of every strategy, side by side. Nothing is required: `defaults` may give it."""
    definitions.pop("BaseModel", None)
    common: Schema = symbol["properties"]
    properties: Schema = {key: value for key, value in common.items() if key not in ("symbol", "parameters")}
    properties["strategy"] = {**properties["strategy"], "enum": sorted(STRATEGIES)}
    _spell_durations(SymbolConfig, properties)
    for kind in STRATEGIES.values():
        parameters = kind.parameters.model_json_schema(by_alias=True, mode="validation")
        definitions.update(parameters.get("$defs", {}))
        for key, value in parameters["properties"].items():
            properties.setdefault(key, value)
    return {
        "description": "One symbol, with what differs from defaults.",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def _spell_durations(model: type[BaseModel], properties: Schema) -> None:
    """Defaults as the file writes them: there a plain number is seconds."""
    for name, field in model.model_fields.items():
        if field.alias and isinstance(field.default, int):
            properties[field.alias]["default"] = duration_text(field.default)
        elif isinstance(field.default, Between):
            low, high = duration_text(field.default.low_ms), duration_text(field.default.high_ms)
            properties[field.alias or name]["default"] = {"low": low, "high": high}


def _with_variable(value: Schema) -> Schema:
    """Wherever a scalar may stand, so may `${NAME}`."""
    if "anyOf" in value:
        options = cast("list[Schema]", value["anyOf"])
        if all("$ref" in option or option.get("type") == "null" for option in options):
            return value
        return {**value, "anyOf": [*options, _VARIABLE]}
    is_object = "$ref" in value or value.get("type") == "object"
    is_any_text = value.keys() <= {*_ANNOTATIONS, "type"} and value.get("type") == "string"
    if is_object or is_any_text:
        return value
    annotations = {key: value[key] for key in _ANNOTATIONS if key in value}
    rest = {key: each for key, each in value.items() if key not in _ANNOTATIONS}
    return {**annotations, "anyOf": [rest, _VARIABLE]}
