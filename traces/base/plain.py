"""The one reader of YAML and the one of JSON: plain data, bounded, with one clear message; and the writer of YAML."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import lru_cache
from itertools import accumulate
from typing import Any

from traces.base.errors import ConfigError, FileProblem, LacunaError, first_line
from traces.base.guard import MOST_DEPTH, check_tree, reading

MOST_YAML = 1 << 18  # bytes; Choice: people write these by hand, and the reader takes a second for 100 KiB
MOST_JSON = 1 << 26  # bytes; Choice: a network of 10,000 ops has 4 MiB
_MOST_KEY = 1000  # characters; YAML looks no further than 1,024 for the colon behind a key
_BARE = re.compile(r"[A-Za-z][\w()/+. -]*[\w)]|[0-9][0-9.]* [A-Za-z]+(/s)?", re.ASCII)
_WORDS = {"true", "false", "null", "yes", "no", "on", "off"}  # mean a value to one YAML or another


def parse_yaml(text: str | bytes, where: str) -> object:
    """Return what a YAML 1.2 text holds as plain data; ``where`` begins errors.

    Tags that make objects are refused, and so are keys given twice.
    """
    return deepcopy(_parsed(text, where))


@lru_cache(maxsize=128)  # of a sweep's settings and designs each is read many times, at 0.1 ms a byte
def _parsed(text: str | bytes, where: str) -> object:
    from ruamel.yaml import YAML  # noqa: PLC0415  (slow to import, and only readers of YAML need it)

    if len(text) > MOST_YAML:
        raise ConfigError(f"{where}: has {len(text)} bytes; needs at most {MOST_YAML}")
    if _flow_depth(text) > MOST_DEPTH:
        raise ConfigError(f"{where}: not YAML: nested too deeply: more than {MOST_DEPTH} levels of brackets")
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_duplicate_keys = False
    with reading(where, "not YAML", error=ConfigError):
        value = _load(yaml, text, where)
    check_tree(value, where, most=MOST_YAML, error=ConfigError)  # no value takes less than a byte
    return value


def parse_yaml_mapping(text: str | bytes, where: str) -> dict[str, Any]:
    """Return the mapping that a YAML text holds, its keys as text."""
    data = parse_yaml(text, where)
    if not isinstance(data, dict):
        kind = "nothing" if data is None else type(data).__name__
        raise ConfigError(f"{where}: holds {kind}; needs a mapping of settings, one 'name: value' a line")
    return {str(key): inner for key, inner in data.items()}


def yaml_text(data: Mapping[str, object]) -> str:
    """Return plain data (mappings, lists, text, numbers, truth values, nothing) as YAML 1.2, one value a line."""
    return "".join(f"{line}\n" for line in _block(data, "")) or "{}\n"


def _block(value: Mapping[str, object] | list[object], indent: str) -> Iterator[str]:
    if isinstance(value, list):
        for inner in value:
            yield from _entry(f"{indent}-", inner, indent)
        return
    for key, inner in value.items():
        shown = _scalar(key)
        if len(shown) > _MOST_KEY:
            yield f"{indent}? {shown}"
            shown = ""
        yield from _entry(f"{indent}{shown}:", inner, indent)


def _entry(lead: str, value: object, indent: str) -> Iterator[str]:
    if isinstance(value, (Mapping, list)) and value:
        yield lead
        yield from _block(value, f"{indent}  ")
    else:
        yield f"{lead} {_scalar(value)}"


def _scalar(value: object) -> str:
    """Return a value that fits a line: text as it is where no YAML takes it for something else, else as in JSON."""
    if isinstance(value, str):
        if _BARE.fullmatch(value) and value.lower() not in _WORDS:
            return value
        quoted = json.dumps(value, ensure_ascii=False)
        return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in quoted)
    text = json.dumps(value)
    return {"Infinity": ".inf", "-Infinity": "-.inf", "NaN": ".nan"}.get(text, text)


def parse_json(text: str | bytes, where: str, *, error: type[LacunaError] = FileProblem) -> Any:
    """Return what a JSON text holds; ``where`` begins errors."""
    if len(text) > MOST_JSON:
        raise error(f"{where}: has {len(text)} bytes; needs at most {MOST_JSON}")
    with reading(where, "not JSON", error=error):
        value = json.loads(text)
    check_tree(value, where, error=error)
    return value


def parse_json_mapping(text: str | bytes, where: str) -> dict[str, Any]:
    """Return the object that a JSON text holds."""
    data = parse_json(text, where)
    if not isinstance(data, dict):
        raise FileProblem(f"{where}: is damaged: holds {type(data).__name__}, needs an object")
    return data


def _flow_depth(text: str | bytes) -> int:
    """Return how deep brackets nest, those in quotes counted too; the reader of YAML takes seconds for thousands."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    steps = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
    return max(accumulate(steps[c] for c in data if c in steps), default=0)


def _load(yaml: Any, text: str | bytes, where: str) -> object:
    from ruamel.yaml.error import MarkedYAMLError  # noqa: PLC0415  (as above)

    stream = io.BytesIO(text) if isinstance(text, bytes) else io.StringIO(text)
    try:
        return yaml.load(stream)
    except MarkedYAMLError as problem:
        mark = problem.problem_mark
        line = f" line {mark.line + 1}:" if mark else ""
        raise ConfigError(f"{where}:{line} not YAML: {problem.problem or first_line(problem)}") from None
