"""A design as a commented file: every key its sections know, what it means, and the value it has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from accel_models.design.design import Design
from accel_models.design.keys import Key, keys, sections
from accel_models.design.load import design_model, parse_design
from accel_models.design.meanings import meanings
from traces import parse_yaml_mapping

_HEAD = """\
# {name}: a design like {like}.
# Keys behind a # have the value they have when left out. `lacuna inspect --keys` lists every key with its range.
# Say in `sources` where your values come from; what has no source is called unsourced.
"""
_PLAIN = re.compile(r"[A-Za-z_]\w*|[0-9.]+ [A-Za-z][A-Za-z0-9/]*")
_NOT_WORDS = frozenset(
    {"yes", "no", "on", "off", "y", "n", "true", "false", "null"}
)  # to some reader of YAML
_APART = frozenset({"sources", "changed"})  # written at the end, or not at all


def commented_yaml(design: Design, name: str) -> str:
    """Return a design under another name as YAML that reads back equal but for its name and what it says it is.

    Parameters
    ----------
    design
        The design to begin with.
    name
        Of the new one.
    """
    about = f"begun as {design.title}: {design.about}"  # true also once values were changed by hand
    data = {**design.model_dump(mode="json", exclude_unset=True), "name": name, "description": about}
    data.pop("changed", None)
    lines = [*_HEAD.format(name=name, like=design.title).splitlines(), ""]
    known = [key for key in keys() if "[]" not in key.path]
    lines += _lines(known, data, "")
    lines += ["sources:", *(f"  {path}: {json.dumps(text)}" for path, text in design.sources.items()), ""]
    text = "\n".join(lines)
    parse_design(parse_yaml_mapping(text, name), name)  # what is written can be read
    return text


def _lines(known: list[Key], data: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Yield the keys directly under ``prefix``, sections that the design has with theirs."""
    depth = prefix.count(".")
    indent = "  " * depth
    for key in known:
        name = key.path.removeprefix(prefix)
        if not key.path.startswith(prefix) or "." in name or (not prefix and name in _APART):
            continue
        value, section = data.get(name), key.kind == "section"
        if section and isinstance(value, dict):
            yield f"{indent}{name}:{_note(key.meaning)}"
            yield from _lines(known, value, f"{key.path}.")
        elif name in data and value is not None:
            yield f"{indent}{name}: {_spelled(value)}{_note(key.meaning)}"
        elif not section:
            yield f"{indent}# {name}: {key.default or '...'}{_note(key.meaning)}"
        if not prefix and section and isinstance(value, dict):
            yield ""


def _note(meaning: str) -> str:
    return f"  # {meaning}" if meaning else ""


def _spelled(value: Any) -> str:
    """Return a value as YAML on one line; JSON is YAML, and words and quantities need no quotes."""
    plain = isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _NOT_WORDS
    return str(value) if plain else json.dumps(value)


def design_schema() -> dict[str, Any]:
    """Return the JSON Schema of a design file, for editors."""
    schema = design_model().model_json_schema()
    for section in sections(design_model()):
        inside = schema if section is design_model() else schema["$defs"][section.__name__]
        for name, meaning in meanings(section).items():
            inside["properties"][name]["description"] = meaning
    properties: dict[str, Any] = schema["properties"]
    properties.pop("changed")  # what `--set` writes down in results
    properties["like"] = {
        "type": "string",
        "description": "A shipped design or a file whose values hold where this one is silent.",
    }
    # What else is needed, of a section too, may come from the design that it is like.
    schema["required"] = ["name"]
    for section in schema["$defs"].values():
        section.pop("required", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Lacuna design"}
