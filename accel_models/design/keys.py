"""Every key of a design: what it means, its unit, default and range, read off the classes that check it."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from accel_models.design.load import design_model
from accel_models.design.meanings import meanings
from accel_models.design.quantities import UNITS, Physical, spell
from accel_models.energy.tables import Named
from traces import ConfigError, did_you_mean

_WORDS = {bool: "true or false", int: "whole number", float: "number", str: "text"}
_BOUNDS = ((Ge, "ge", "from {}"), (Gt, "gt", "above {}"), (Le, "le", "up to {}"), (Lt, "lt", "below {}"))


@dataclass(frozen=True, slots=True)
class Key:
    """One setting of a design file."""

    path: str  # dotted; of a list's items with []
    kind: str  # a section, a list, a word of a few, or what is written
    unit: str  # units it may be written with; empty where it has none
    default: str  # as a file spells it; empty where the key must be given
    needed: bool  # within its section
    bounds: str  # in words; empty where there are none
    meaning: str


def keys(section: str = "") -> tuple[Key, ...]:
    """Return every key of a design, or those of one section, in the order of the classes.

    Parameters
    ----------
    section
        Dotted path of a section, e.g. ``memory.dram``; empty for all.

    Raises
    ------
    ConfigError
        If no key lies there.
    """
    found = tuple(_keys_of(design_model(), ""))
    if not section:
        return found
    inside = tuple(
        key for key in found if key.path == section or key.path.startswith((f"{section}.", f"{section}[]"))
    )
    if not inside:
        raise ConfigError(f"{section}: no such setting{did_you_mean(section, [key.path for key in found])}")
    return inside


def _keys_of(model: type[BaseModel], prefix: str) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        inner, many = _section_in(field.annotation)
        yield _key(path, field, inner, many, meanings(model).get(name, ""))
        if inner is not None:
            yield from _keys_of(inner, f"{path}{'[]' if many else ''}.")


def _key(path: str, field: FieldInfo, inner: type[BaseModel] | None, many: bool, meaning: str) -> Key:
    base, metadata = _bare(field)
    quantity = next((each.quantity for each in metadata if isinstance(each, Physical)), None)
    named = next((", ".join(each.names()) for each in metadata if isinstance(each, Named)), "")
    return Key(
        path=path,
        kind=named or _kind(base, inner, many, quantity),
        unit=", ".join(UNITS[quantity]) if quantity else "",
        default=_default(field, quantity),
        needed=field.is_required(),
        bounds=_bounds(metadata, quantity),
        meaning=" ".join((meaning or _summary(inner)).split()),
    )


def sections(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield a section and all that lie in it."""
    yield model
    for field in model.model_fields.values():
        inner, _ = _section_in(field.annotation)
        if inner is not None:
            yield from sections(inner)


def _summary(section: type[BaseModel] | None) -> str:
    return "" if section is None else (section.__doc__ or "").strip().partition("\n")[0]


def _bare(field: FieldInfo) -> tuple[Any, list[Any]]:
    """Return the type under ``None`` and marks, and the marks."""
    kind, metadata = field.annotation, list(field.metadata)
    if get_origin(kind) in {Union, types.UnionType}:
        kind = next(one for one in get_args(kind) if one is not types.NoneType)
    while get_origin(kind) is Annotated:
        kind, *marks = get_args(kind)
        metadata += marks
    flat = [
        inner for mark in metadata for inner in (mark.metadata if isinstance(mark, FieldInfo) else [mark])
    ]
    return kind, flat


def _section_in(kind: Any) -> tuple[type[BaseModel] | None, bool]:
    """Return the section that a type holds, and whether it holds a list of them."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind, False
    many = get_origin(kind) in {tuple, list}
    for one in get_args(kind):
        inner, deeper = _section_in(one)
        if inner is not None:
            return inner, many or deeper
    return None, False


def _kind(base: Any, inner: type[BaseModel] | None, many: bool, quantity: str | None) -> str:
    if inner is not None or quantity is not None:
        return (quantity or ("list of sections" if many else "section")).replace("_", " ")
    if get_origin(base) is Literal:
        return ", ".join(map(str, get_args(base)))
    if get_origin(base) in {tuple, list}:
        words = next(
            (_kind(one, None, False, None) for one in get_args(base) if one is not Ellipsis), "value"
        )
        return f"list of: {words}"
    if get_origin(base) is Annotated:
        return _kind(get_args(base)[0], None, False, None)
    return "path: text" if get_origin(base) is dict else _WORDS.get(base, "value")


def _default(field: FieldInfo, quantity: str | None) -> str:
    value = field.default
    if value is PydanticUndefined:
        return ""
    if value is None:
        return "none"
    if isinstance(value, BaseModel):
        return "as its keys"
    if isinstance(value, bool):
        return str(value).lower()
    return (
        str(spell(value, quantity)) if quantity else str(list(value) if isinstance(value, tuple) else value)
    )


def _bounds(metadata: list[Any], quantity: str | None) -> str:
    found = []
    for kind, name, words in _BOUNDS:
        for mark in metadata:
            if isinstance(mark, kind):
                value = getattr(mark, name)
                found.append(words.format(spell(value, quantity) if quantity else f"{value:,}"))
    return " ".join(found)
