"""Designs from files: shipped names or YAML 1.2 paths, with single values set from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ValidationError, create_model, field_validator, model_validator

from accel_models.design.design import AUTO, Design
from accel_models.design.importing.foreign import read_design_text
from accel_models.design.sections import Part
from accel_models.energy.tables import Named
from accel_models.units.kinds import KINDS, has_matrix_unit, unit_described_by, unit_kind, units_of
from traces import (
    ConfigError,
    FileProblem,
    did_you_mean,
    explain,
    file_bytes,
    parse_yaml,
    parse_yaml_mapping,
    shown,
)

_SPELLED: Final = {"simd": "simd core"}
_GATE_UNITS: Final = Named("unit", lambda: (AUTO, *KINDS))


_FORMER_NAMES: Final = {"eyeriss_like": "eyeriss"}  # of shipped designs, still understood


def design_names() -> tuple[str, ...]:
    """Names of the shipped designs, sorted."""
    folder = resources.files("accel_models.designs")
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")))


def load_design(name_or_path: str | Path, overrides: Mapping[str, object] | None = None) -> Design:
    """Return a design by its shipped name or from a YAML file.

    Parameters
    ----------
    name_or_path
        ``"edge_npu_16x16"`` or a path ending in ``.yaml``: a design, an accelerator of ZigZag or Timeloop,
        or a ``.cfg`` of SCALE-Sim.
    overrides
        Values by dotted path, e.g. ``{"array.rows": 8, "clock": "160 MHz"}``; a string is read as YAML.

    Raises
    ------
    FileProblem, ConfigError
        With the path, the value, what is needed and the nearest valid name.
    """
    data, origin = _read(str(name_or_path))
    return parse_design(_changed(data, overrides or {}), origin)


def _changed(data: dict[str, Any], settings: Mapping[str, object]) -> dict[str, Any]:
    """Set values by dotted path, and write down which."""
    for path, value in settings.items():
        set_value(data, path, value)
    if settings:
        told = {path: str(value) for path, value in settings.items()}
        data["changed"] = {**(data.get("changed") or {}), **told}
    return data


def parse_design(data: Mapping[str, Any], origin: str) -> Design:
    """Check ``data`` and return it as a design; ``origin`` names it in errors."""
    try:
        return design_model().model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"{origin}: {explain(error, design_model())}") from None


def altered(design: Design, settings: Mapping[str, object]) -> Design:
    """Return the design with values set by dotted path, as ``--set`` does; its name and words stay."""
    return parse_design(_changed(design.model_dump(mode="json", exclude_unset=True), settings), design.name)


class _Checked(Design):
    """A design whose units have been asked whether they can be what it says."""

    @field_validator("gate_unit")
    @classmethod
    def _check_gate_unit(cls, name: str) -> str:
        return _GATE_UNITS.known(name)

    @model_validator(mode="after")
    def _check_units(self) -> Self:
        if not units_of(self):
            raise ConfigError("needs an array, a simd core or both, or another unit")
        if found := list(_faults(self)):
            raise ConfigError("; ".join(found))
        return self

    def __reduce__(self) -> tuple[object, ...]:  # another process makes the class anew
        return parse_design, (self.model_dump(mode="json", exclude_unset=True), self.name)


def _faults(design: Design) -> Iterator[str]:
    """Yield what does not go together in a design whose values are right, each by itself."""
    units = units_of(design)
    if design.gate_unit != AUTO and unit_described_by(design.gate_unit, design) is None:
        yield (
            f"gate_unit = {design.gate_unit!r}, "
            f"but the design has no {_SPELLED.get(design.gate_unit, design.gate_unit)}"
        )
    if design.elementwise == "ignored" and not has_matrix_unit(design):
        yield "elementwise = 'ignored', but only an array can leave such ops to another unit"
    if design.skip.channels == "tile" and design.skip.group < 2:
        yield f"skip.group = {design.skip.group}: skip.channels = 'tile' needs 2 or more"
    for unit in units:
        yield from unit.faults(design)
    able = {stage for unit in units for stage in unit.stages}
    for stage in design.output_stage:
        if stage not in able:
            yield (
                f"output_stage: {stage!r} cannot be scheduled: results of {' and '.join(u.name for u in units)} "
                f"leave through {', '.join(sorted(able)) or 'nothing'}; leave it out"
            )


def design_model() -> type[Design]:
    """Return :class:`Design` with a section for every kind of unit."""
    return _model_with(
        tuple((name, unit_kind(name).settings) for name in KINDS if name not in Design.model_fields)
    )


@lru_cache(maxsize=8)
def _model_with(sections: tuple[tuple[str, type[Part]], ...]) -> type[Design]:
    fields: dict[str, Any] = {name: (settings | None, None) for name, settings in sections}
    return create_model("Design", __base__=_Checked, **fields)


def parse_override(text: str) -> tuple[str, object]:
    """Split ``"array.rows=8"`` as given to ``--set`` into path and value."""
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise ConfigError(f"--set {text!r}: write it as PATH=VALUE, e.g. array.rows=8")
    return path.strip(), value.strip()


def set_value(data: dict[str, Any], path: str, value: object) -> None:
    """Set the value at a dotted path that the design knows; a string is read as YAML."""
    check_path(path)
    assign(data, path, parse_yaml(value, path) if isinstance(value, str) else value)


def check_path(path: str) -> None:
    """Refuse a dotted path that names no setting."""
    *groups, last = path.split(".")
    model: type[BaseModel] = design_model()
    for depth, group in enumerate(groups):
        _known(model, group, path)
        inner = _model_of(model, group)
        if inner is None:
            raise ConfigError(f"{'.'.join(groups[: depth + 1])} is a value, not a group; cannot set {path!r}")
        model = inner
    _known(model, last, path)


def assign(data: dict[str, Any], path: str, value: object) -> None:
    """Set the value at a dotted path of nested mappings; groups the data leaves out are opened."""
    *groups, last = path.split(".")
    place = data
    for group in groups:
        if place.get(group) is None:
            place[group] = {}
        place = place[group]
        if not isinstance(place, dict):
            raise ConfigError(f"{group} = {shown(place)}: is no group of settings; cannot set {path!r}")
    place[last] = value


def _read(name: str) -> tuple[dict[str, Any], str]:
    path = Path(name)
    if path.suffix in {".yaml", ".yml", ".cfg"} or path.exists():
        if not path.is_file():
            raise FileProblem(f"{path}: no such design file")
        return _with_base(read_design_text(file_bytes(path), str(path)), str(path)), str(path)
    name = _FORMER_NAMES.get(name, name)
    if name not in design_names():
        raise ConfigError(
            f"design {name!r}: no such shipped design, and no YAML file{did_you_mean(name, design_names())}"
        )
    text = resources.files("accel_models.designs").joinpath(f"{name}.yaml").read_bytes()
    return _with_base(parse_yaml_mapping(text, name), name), name


def _with_base(data: dict[str, Any], origin: str) -> dict[str, Any]:
    """Return the design with what it leaves out taken from the shipped one it is ``like``, sources included.

    A group of the same name is merged key by key; a source of a group does not hide those of its base's values.
    """
    if "like" not in data:
        return data
    base = data.pop("like")
    base = _FORMER_NAMES.get(base, base) if isinstance(base, str) else base
    if base not in design_names() or base == origin:
        raise ConfigError(
            f"{origin}: like = {base!r}: no such shipped design{did_you_mean(str(base), design_names())}"
        )
    return _merged(_read(str(base))[0], data)


def _merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in own.items():
        inner = merged.get(name)
        merged[name] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged


def _known(model: type[BaseModel], name: str, path: str) -> None:
    if name not in model.model_fields:
        raise ConfigError(f"{path}: no such setting{did_you_mean(name, model.model_fields)}")


def _model_of(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """Return the model of a group, looking through ``Group | None``."""
    field = model.model_fields.get(name)
    kinds = getattr(field.annotation, "__args__", (field.annotation,)) if field else ()
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
