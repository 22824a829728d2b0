"""The axes of a space file: ``set`` and ``link`` read, and checked against the designs they are for."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from accel_models import assign, check_path, design_model
from analysis.sweeps.spaces.expressions import is_name
from analysis.sweeps.spaces.ranges import Scalar, axis_values
from analysis.sweeps.spaces.space import Axis, Family
from traces import ConfigError, explain


def as_mapping(value: object, where: str) -> dict[str, Any]:
    """Return a YAML mapping with its keys as text."""
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: holds {value!r}; needs a mapping, one 'name: value' a line")
    return {str(key): inner for key, inner in value.items()}


def as_list(value: object) -> list[Any]:
    """Return a list as it is, and one value as a list of it."""
    return value if isinstance(value, list) else [value]


def as_text(value: object, where: str) -> str:
    """Return text, and refuse what is none."""
    if not isinstance(value, str):
        raise ConfigError(f"{where}: {value!r} is not text")
    return value


def read_axes(values: object, links: object, where: str) -> tuple[Axis, ...]:
    """Return the axes under ``set`` and ``link``; ``where`` begins their errors."""
    axes = [
        Axis(path, (path,), tuple((value,) for value in axis_values(text, f"{where}set: {path}")))
        for path, text in as_mapping(values or {}, f"{where}set").items()
    ]
    linked = [_link(name, link, where) for name, link in as_mapping(links or {}, f"{where}link").items()]
    return (*axes, *linked)


def _link(name: str, link: object, where: str) -> Axis:
    """Return linked values: each choice is one value for all paths, or a list with one value per path."""
    at = f"{where}link: {name}"
    if not is_name(name):
        raise ConfigError(f"{at}: is no name; use letters, digits and _")
    parts = as_mapping(link, at)
    if parts.keys() != {"to", "values"}:
        raise ConfigError(f"{at}: has {', '.join(parts) or 'nothing'}; needs 'to' (settings) and 'values'")
    paths = tuple(as_text(path, f"{at}: to") for path in as_list(parts["to"]))
    if not paths:
        raise ConfigError(f"{at}: to: names no setting; needs at least one")
    rows = parts["values"]
    if isinstance(rows, list) and any(isinstance(row, list) for row in rows):
        for row in rows:
            if not isinstance(row, list) or len(row) != len(paths):
                raise ConfigError(
                    f"{at}: {row!r}: needs {len(paths)} values, one for each of {', '.join(paths)}"
                )
        return Axis(name, paths, tuple(tuple(_one(value, at) for value in row) for row in rows))
    return Axis(name, paths, tuple((value,) * len(paths) for value in axis_values(rows, at)))


def _one(value: object, where: str) -> Scalar:
    return axis_values([value], where)[0]


def check_paths_once(axes: Sequence[Axis], design: str) -> None:
    """Refuse a setting that two axes set."""
    seen: dict[str, str] = {}
    for axis in axes:
        for path in axis.paths:
            if path in seen:
                raise ConfigError(
                    f"designs: {design}: {path} is set by both {seen[path]!r} and {axis.name!r}"
                )
            seen[path] = axis.name


def check_names_once(families: Sequence[Family]) -> None:
    """Refuse two designs, or two axes, of one name that are not the same."""
    designs: dict[str, str] = {}
    paths: dict[str, tuple[str, ...]] = {}
    for family in families:
        if designs.setdefault(family.base.name, family.base.hash) != family.base.hash:
            raise ConfigError(f"designs: two different designs are called {family.base.name!r}")
        for axis in family.axes:
            if paths.setdefault(axis.name, axis.paths) != axis.paths:
                raise ConfigError(f"link: {axis.name}: drives other settings in {family.base.name!r}")


_MOST_TRIED = 256  # values of an axis; Choice: a second of building designs
TriedValue = TypeVar("TriedValue")


def check_values(family: Family) -> None:
    """Refuse settings that do not exist and values that no design can take.

    Each value is tried with the first value of every other axis.  Only what is wrong at the setting itself,
    or missing beside it, is refused here; values that merely do not go together make infeasible points.  Of a long
    axis the ends and some between are tried: what is wrong elsewhere makes infeasible points, too.
    """
    _check_groups(family)
    first = [axis.values[0] for axis in family.axes]
    for place, axis in enumerate(family.axes):
        for values in _some(axis.values):
            data = copy.deepcopy(dict(family.data))
            for other, chosen in zip(family.axes, [*first[:place], values, *first[place + 1 :]], strict=True):
                for path, value in zip(other.paths, chosen, strict=True):
                    check_path(path)
                    assign(data, path, value)
            try:
                design_model().model_validate(data)
            except ValidationError as error:
                if error.errors()[0]["loc"]:
                    raise ConfigError(
                        f"designs: {family.base.name}: {explain(error, design_model())}"
                    ) from None


def _some(values: Sequence[TriedValue]) -> Sequence[TriedValue]:
    """Return all of a few values; of many the first, the last and some evenly between."""
    if len(values) <= _MOST_TRIED:
        return values
    return [values[i * (len(values) - 1) // (_MOST_TRIED - 1)] for i in range(_MOST_TRIED)]


def _check_groups(family: Family) -> None:
    """Refuse to vary a part that the design does not have."""
    for axis in family.axes:
        for path in axis.paths:
            group, dot, _ = path.partition(".")
            if dot and group in family.data and family.data[group] is None:
                raise ConfigError(
                    f"designs: {family.base.name}: has no {group}, so {path} cannot vary; "
                    f"set it only in the designs that have one: designs: [{{base: NAME, set: {{...}}}}]"
                )
