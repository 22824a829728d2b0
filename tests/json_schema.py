"""What of JSON Schema our schemas use, checked literally: an editor's validator in small.

A keyword that is not known here fails, so that a schema cannot say more than is tested.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TOLD = {"$schema", "$defs", "title", "description", "default", "deprecated"}  # about a value, no rule for it
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float),
    "null": (type(None),), "boolean": (bool,),
}  # fmt: skip


def faults(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield what of a value the schema refuses."""
    for word, rule in schema.items():
        if word not in _TOLD:
            yield from _faults(word, rule, value, schema, root, path)


def _faults(  # noqa: C901, PLR0912  # a line per keyword
    word: str, rule: Any, value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], path: str
) -> Iterator[str]:
    wrong = False
    match word:
        case "$ref":
            yield from faults(value, root["$defs"][rule.removeprefix("#/$defs/")], root, path)
        case "anyOf":
            wrong = all(any(faults(value, one, root, path)) for one in rule)
        case "type":
            wrong = not isinstance(value, _TYPES[rule]) or (isinstance(value, bool) and rule != "boolean")
        case "enum":
            wrong = value not in rule
        case "minimum":
            wrong = isinstance(value, int | float) and value < rule
        case "maximum":
            wrong = isinstance(value, int | float) and value > rule
        case "exclusiveMinimum":
            wrong = isinstance(value, int | float) and value <= rule
        case "minItems":
            wrong = isinstance(value, list) and len(value) < rule
        case "maxItems":
            wrong = isinstance(value, list) and len(value) > rule
        case "pattern":
            wrong = isinstance(value, str) and not re.search(rule, value)
        case "required":
            wrong = isinstance(value, dict) and not set(rule) <= set(value)
        case "properties" if isinstance(value, dict):
            for name in set(rule) & set(value):
                yield from faults(value[name], rule[name], root, f"{path}.{name}")
        case "additionalProperties" if isinstance(value, dict):
            for name in set(value) - set(schema.get("properties", {})):
                yield from [f"{path}.{name}: unknown"] if rule is False else []
                yield from faults(value[name], rule, root, f"{path}.{name}") if isinstance(rule, dict) else []
        case "items" if isinstance(value, list):
            for item in value[len(schema.get("prefixItems", [])) :]:
                yield from faults(item, rule, root, f"{path}[]") if isinstance(rule, dict) else []
        case "prefixItems" if isinstance(value, list):
            for item, inner in zip(value, rule, strict=False):
                yield from faults(item, inner, root, f"{path}[]")
        case "properties" | "additionalProperties" | "items" | "prefixItems":
            pass  # of another type
        case _:
            raise AssertionError(f"{path}: keyword {word!r} is not known here")
    if wrong:
        yield f"{path}: {value!r} breaks {word} {rule!r}"
