"""The JSON Schema of a space file, for editors."""

from __future__ import annotations

from typing import Any

from analysis.sweeps.budgets import BUDGETS
from analysis.sweeps.row import NUMBERS
from analysis.sweeps.spaces.file import KEYS, NETWORK_KEYS
from simulator import Policy

_TEXT = {"type": "string"}
_VALUES = {
    "description": "A value, a list of values, or a range such as '8..64 step 8' or '16 KiB..256 KiB log2'."
}


def space_schema() -> dict[str, Any]:
    """Return the schema; its keys are those that :func:`analysis.sweeps.spaces.file.load_space` reads."""
    policy = Policy.model_json_schema()["properties"]
    settings = {
        "type": "object",
        "additionalProperties": _VALUES,
        "description": "Dotted path of a setting: values.",
    }
    link = {
        "type": "object",
        "description": "One name that drives several settings: {to: [paths], values: ...}.",
    }
    base = {
        "type": "object",
        "properties": {"base": _TEXT, "set": settings, "link": link},
        "required": ["base"],
        "additionalProperties": False,
    }
    columns = {"type": "array", "items": {"enum": list(NUMBERS)}}
    policies = {
        "type": "object",
        "properties": {
            name: {"anyOf": [kind, {"type": "array", "items": kind}]} for name, kind in policy.items()
        },
        "additionalProperties": False,
    }
    model: dict[str, Any] = {
        "type": "object",
        "properties": {
            "network": _TEXT,
            "size": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]},
            "skip_unsupported": {"type": "boolean"},
        },
        "required": ["network"],
        "additionalProperties": False,
    }
    assert set(model["properties"]) == set(NETWORK_KEYS)  # as below
    networks = {
        "type": "array",
        "items": {"anyOf": [_TEXT, model]},
        "description": "Traces (operating points of a network), shipped names, models.",
    }
    properties: dict[str, Any] = {
        "designs": {"type": "array", "items": {"anyOf": [_TEXT, base]}},
        "set": settings,
        "link": link,
        "where": {"type": "array", "items": _TEXT, "description": "Rules that must all hold."},
        "budget": {
            "type": "object",
            "properties": {
                **{name: {"type": "number", "exclusiveMinimum": 0} for name in NUMBERS},
                **{name: _TEXT for name in BUDGETS},
            },
            "additionalProperties": False,
            "description": "Upper bounds on results, held against them when they are read.",
        },
        "networks": networks,
        "traces": {**networks, "deprecated": True},
        "policies": {"anyOf": [policies, {"type": "array", "items": policies}]},
        "inputs": {"type": "integer", "minimum": 1},
        "objectives": {"type": "object", "properties": {"minimize": columns, "maximize": columns}},
    }
    assert set(properties) == set(KEYS)  # a new key of the reader belongs here
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lacuna space",
        "type": "object",
        "properties": properties,
        "required": ["designs"],
        "additionalProperties": False,
    }
