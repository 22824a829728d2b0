"""Designs: changed text, numbers in range but extreme, single settings, accelerators of other tools."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from pathlib import Path
from random import Random
from typing import Any, get_args

from pydantic import BaseModel
from ruamel.yaml import YAML

from accel_models import Design, design_names, load_design, parse_override
from accel_models.design.load import design_model
from simulator import Policy
from simulator.folders import design_yaml
from tests.accel_models.design.test_design_importing import FOUR, TIMELOOP_3, TIMELOOP_4, ZIGZAG
from tests.accel_models.design.test_scalesim_cfg import CFG
from tests.fuzz.home import design, small_network, small_trace
from tests.fuzz.kind import Kind, bytes_of, renumbered
from tests.fuzz.oracles import wrong_costs, wrong_replay

FACTORS = (0, 0.001, 0.1, 0.5, 2, 3, 7, 10, 100, 1000, 1e6)
COUNTS = (0, 1, 2, 3, 5, 7, 16, 17, 64, 255, 1000, 4096, 65535, 65536, 1 << 20, -1, -16)
FULL = re.compile(r"^([0-9.eE+-]+) (\S.*)$")  # a quantity as designs spell it


@cache
def _texts() -> list[bytes]:
    folder = resources.files("accel_models.designs")
    return [folder.joinpath(f"{name}.yaml").read_bytes() for name in design_names()]


@cache
def _full(name: str) -> str:
    """Return a shipped design with everything that it inherits."""
    return design_yaml(design(name))


def _extreme(rng: Random) -> bytes:
    """Draw a design with one to four values replaced by others of their kind."""
    yaml = YAML(typ="safe", pure=True)
    data = yaml.load(_full(rng.choice(design_names())))
    places = [place for place in _leaves(data, ()) if place[0][0] not in {"sources", "name", "description"}]
    for path, holder, key in rng.sample(places, min(len(places), rng.choice([1, 1, 2, 3, 4]))):
        holder[key] = _other(holder[key], path, rng)
    return _dumped(data)


def _dumped(data: Any) -> bytes:
    from io import StringIO  # noqa: PLC0415

    out = StringIO()
    YAML(typ="safe", pure=True).dump(data, out)
    return out.getvalue().encode()


def _leaves(data: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any, Any]]:
    found = []
    for key in data if isinstance(data, dict) else range(len(data)):
        here = (*path, str(key))
        if isinstance(data[key], dict | list):
            found += _leaves(data[key], here)
        else:
            found.append((here, data, key))
    return found


def _other(value: Any, path: tuple[str, ...], rng: Random) -> Any:
    quantity = FULL.match(value) if isinstance(value, str) else None
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return rng.choice((*COUNTS, value * 2, value + 1))
    if isinstance(value, float):
        return value * rng.choice(FACTORS)
    if quantity:
        number = float(quantity[1]) * rng.choice(FACTORS)
        return f"{int(number) if number.is_integer() and rng.random() < 0.7 else number} {quantity[2]}"
    return rng.choice(_choices(path) or (value,))


@cache
def _choices(path: tuple[str, ...]) -> tuple[Any, ...]:
    """Return the words that a setting may be."""
    model: type[BaseModel] | None = design_model()
    for step in path[:-1]:
        field = model.model_fields.get(step) if model else None
        kinds = (field.annotation, *get_args(field.annotation)) if field else ()
        model = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)
    field = model.model_fields.get(path[-1]) if model else None
    return tuple(w for w in get_args(field.annotation) if isinstance(w, str)) if field else ()


def _settings(rng: Random) -> bytes:
    """Draw ``PATH=VALUE`` of a setting that there is."""
    data = YAML(typ="safe", pure=True).load(_full("edge_npu_16x16"))
    path, holder, key = rng.choice(_leaves(data, ()))
    value = (
        _other(holder[key], path, rng)
        if rng.random() < 0.7
        else rng.choice(["{}", "[1]", "~", "-1", "ws", "1e9"])
    )
    return f"{'.'.join(path)}={value}".encode()


def _wrong_design(found: Design) -> str:
    """Price a small network, and replay it under a policy that the design's name decides."""
    wrong = wrong_costs(small_network(), found)
    rng = Random(found.hash)
    if wrong or rng.random() < 0.5:
        return wrong
    policy = Policy(prefetch=rng.choice(["wait", "speculate", "predict", "oracle"]), batch=rng.choice([1, 2]))
    return wrong_replay(small_trace(), found, policy, explain=rng.random() < 0.2)


def _read(path: Path) -> str:
    return _wrong_design(load_design(path))


def _read_setting(path: Path) -> str:
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    return _wrong_design(load_design("edge_npu_16x16", dict([parse_override(text)])))


def _imported(rng: Random) -> bytes:
    text = rng.choice([ZIGZAG, FOUR, TIMELOOP_3, TIMELOOP_4])
    return renumbered(text, rng).encode() if rng.random() < 0.8 else bytes_of(lambda: [text.encode()])(rng)


def _scalesim(rng: Random) -> bytes:
    return renumbered(CFG, rng).encode() if rng.random() < 0.8 else bytes_of(lambda: [CFG.encode()])(rng)


SETTINGS = [b"array.rows=8", b"clock=160 MHz", b"skip.group=4"]
KINDS = (
    Kind(
        "design", "d.yaml", bytes_of(_texts), _read, lambda: [design_yaml(design("edge_npu_16x16")).encode()]
    ),
    Kind("design, extreme", "d.yaml", _extreme, _read, _texts),
    Kind("--set", "s.txt", bytes_of(lambda: SETTINGS), _read_setting, lambda: SETTINGS),
    Kind("--set, known paths", "s.txt", _settings, _read_setting, lambda: SETTINGS),
    Kind(
        "ZigZag, Timeloop",
        "a.yaml",
        _imported,
        _read,
        lambda: [ZIGZAG.encode(), FOUR.encode(), TIMELOOP_4.encode()],
    ),
    Kind("SCALE-Sim cfg", "c.cfg", _scalesim, _read, lambda: [CFG.encode()]),
)
