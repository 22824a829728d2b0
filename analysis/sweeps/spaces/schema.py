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
_SETTINGS = {
    "type": "object",
    "additionalProperties": _VALUES,
    "description": "Dotted path of a setting: values.",
}
_LINK = {
    "type": "object",
    "description": "One name that drives several settings: {to: [paths], values: ...}.",
}


def space_schema() -> dict[str, Any]:
    """Return the schema; its keys are those that :func:`analysis.sweeps.spaces.file.load_space` reads."""
    base = {**_closed({"base": _TEXT, "set": _SETTINGS, "link": _LINK}), "required": ["base"]}
    columns, networks, policies = _list_of({"enum": list(NUMBERS)}), _networks(), _policies()
    properties: dict[str, Any] = {
        "designs": _list_of({"anyOf": [_TEXT, base]}),
        "set": _SETTINGS,
        "link": _LINK,
        "where": {**_list_of(_TEXT), "description": "Rules that must all hold."},
        "budget": _budget(),
        "networks": networks,
        "traces": {**networks, "deprecated": True},
        "policies": {"anyOf": [policies, _list_of(policies)]},
        "inputs": {"type": "integer", "minimum": 1},
        "objectives": {"type": "object", "properties": {"minimize": columns, "maximize": columns}},
    }
    assert set(properties) == set(KEYS)  # a new key of the reader belongs here
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lacuna space",
        **_closed(properties),
        "required": ["designs"],
    }


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    """Return an object that has these keys and no others."""
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _list_of(kind: object) -> dict[str, Any]:
    return {"type": "array", "items": kind}


def _networks() -> dict[str, Any]:
    model = {
        "network": _TEXT,
        "size": {"anyOf": [_TEXT, _list_of(_TEXT)]},
        "skip_unsupported": {"type": "boolean"},
    }
    assert set(model) == set(NETWORK_KEYS)  # as above
    return {
        **_list_of({"anyOf": [_TEXT, {**_closed(model), "required": ["network"]}]}),
        "description": "Traces (operating points of a network), shipped names, models.",
    }


def _policies() -> dict[str, Any]:
    settings = Policy.model_json_schema()["properties"]
    return _closed({name: {"anyOf": [kind, _list_of(kind)]} for name, kind in settings.items()})


def _budget() -> dict[str, Any]:
    bounds = {name: {"type": "number", "exclusiveMinimum": 0} for name in NUMBERS}
    return {
        **_closed({**bounds, **dict.fromkeys(BUDGETS, _TEXT)}),
        "description": "Upper bounds on results, held against them when they are read.",
    }
