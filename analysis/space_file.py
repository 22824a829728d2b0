"""Read a sweep space from YAML.

::

    designs: [edge_npu_16x16, my_npu.yaml]        # shipped names or files; with values of their own:
                                                  # - {base: cortex_m7, set: {clock: 200 MHz..400 MHz step 50 MHz}}
    set:                                          # values of any setting, in all designs
      memory.activation_buffer: 16 KiB..256 KiB log2
      array.dataflow: [ws, os]
    link:                                         # one name drives several settings
      side: {to: [array.rows, array.cols], values: 8..64 step 8}
    where:                                        # every rule must hold
      - array.rows * array.cols <= 1024
    budget: {area: 2 mm2, power: 100 mW}
    traces: [lcnet_30.parquet, lcnet_50.parquet]  # operating points of a network
    policies: {prefetch: [wait, speculate]}       # or a list of such
    inputs: 2000                                  # the first so many; all when left out
    objectives: {minimize: [latency_us, energy_uj], maximize: [accuracy]}
"""

from __future__ import annotations

import copy
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from accel_models.design import Design
from accel_models.load import explain, load_design, set_value
from accel_models.units import parse_quantity
from analysis.expressions import Expression, is_name, parse_expression
from analysis.ranges import Scalar, axis_values
from analysis.row import Row
from analysis.space import Axis, Bound, Family, Space, TraceRef, assign
from traces.errors import ConfigError, FileProblem, did_you_mean

if TYPE_CHECKING:
    from simulator.policy import Policy

_KEYS: Final = (
    "designs", "set", "link", "where", "budget", "traces", "policies", "inputs", "objectives"
)  # fmt: skip
_BUDGET: Final[dict[str, tuple[str, str, float]]] = {
    # quantity: (column of the results, kind of unit, factor from the kind's base unit to the column's)
    "area":        ("area_mm2", "area", 1.0),
    "power":       ("power_mw", "power", 1e3),
    "latency":     ("latency_us", "time", 1e6),
    "latency_p95": ("latency_us_p95", "time", 1e6),
    "latency_p99": ("latency_us_p99", "time", 1e6),
    "latency_max": ("latency_us_max", "time", 1e6),
    "energy":      ("energy_uj", "energy", 1e-6),
}  # fmt: skip


def load_space(path: str | Path, overrides: Mapping[str, object] | None = None) -> Space:
    """Return the space in a YAML file; traces and designs are looked for beside it.

    Parameters
    ----------
    path
        The file; the module's docstring shows what it may hold.
    overrides
        Values set in every base design, by dotted path, as for :func:`accel_models.load.load_design`.

    Raises
    ------
    FileProblem, ConfigError
        A file is missing; a key, setting, value, rule or budget is not valid; the space is empty.
    """
    file = Path(path)
    if not file.is_file():
        raise FileProblem(f"{file}: no such space file")
    try:
        return parse_space(file.read_text(encoding="utf-8"), file.parent, overrides)
    except UnicodeDecodeError:
        raise FileProblem(f"{file}: is not text") from None
    except (ConfigError, FileProblem) as problem:
        raise type(problem)(f"{file}: {problem}") from None


def parse_space(text: str, folder: Path, overrides: Mapping[str, object] | None = None) -> Space:
    """Return the space that ``text`` describes; relative paths start at ``folder``."""
    data = _mapping(_yaml(text), "space")
    for key in data:
        if key not in _KEYS:
            raise ConfigError(f"{key}: no such key{did_you_mean(str(key), _KEYS)}")
    for key in ("designs", "traces"):
        if not data.get(key):
            raise ConfigError(f"{key}: is missing; name at least one")
    common = _axes(data.get("set"), data.get("link"), "")
    families = tuple(_family(entry, common, folder, overrides or {}) for entry in _listed(data["designs"]))
    _check_names_once(families)
    minimize, maximize = _objectives(data.get("objectives"))
    space = Space(
        families=families,
        traces=_traces(_listed(data["traces"]), folder),
        policies=_policies(data.get("policies")),
        where=tuple(parse_expression(_text(rule, "where")) for rule in _listed(data.get("where") or [])),
        budget=_budget(data.get("budget")),
        inputs=_inputs(data.get("inputs")),
        minimize=minimize,
        maximize=maximize,
        text=text,
    )
    for rule in space.where:
        _check_names(rule, space)
    _check_objectives(space)
    _check_not_empty(space)
    return space


def _yaml(text: str) -> object:
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_duplicate_keys = False
    try:
        return yaml.load(io.StringIO(text))
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError(f"{line}not YAML: {what}") from None


def _mapping(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: holds {value!r}; needs a mapping, one 'name: value' a line")
    return {str(key): inner for key, inner in value.items()}


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{where}: {value!r} is not text")
    return value


def _family(entry: object, common: Sequence[Axis], folder: Path, overrides: Mapping[str, object]) -> Family:
    """Return one base design with the common axes and its own."""
    settings = _mapping(entry, "designs") if isinstance(entry, dict) else {"base": entry}
    for key in settings:
        if key not in {"base", "set", "link"}:
            raise ConfigError(f"designs: {key}: no such key{did_you_mean(key, ('base', 'set', 'link'))}")
    name = _text(settings.get("base"), "designs: base")
    base = load_design(_beside(name, folder) if name.endswith((".yaml", ".yml")) else name, overrides)
    own = _axes(settings.get("set"), settings.get("link"), f"designs: {name}: ")
    axes = [axis for axis in common if axis.name not in {mine.name for mine in own}] + list(own)
    _check_paths_once(axes, name)
    family = Family.of(base, axes)
    _check_values(family)
    return family


def _beside(name: str, folder: Path) -> Path:
    return Path(name) if Path(name).is_absolute() else folder / name


def _axes(values: object, links: object, where: str) -> tuple[Axis, ...]:
    axes = [
        Axis(path, (path,), tuple((value,) for value in axis_values(text, f"{where}set: {path}")))
        for path, text in _mapping(values or {}, f"{where}set").items()
    ]
    linked = [_link(name, link, where) for name, link in _mapping(links or {}, f"{where}link").items()]
    return (*axes, *linked)


def _link(name: str, link: object, where: str) -> Axis:
    """Return linked values: each choice is one value for all paths, or a list with one value per path."""
    at = f"{where}link: {name}"
    if not is_name(name):
        raise ConfigError(f"{at}: is no name; use letters, digits and _")
    parts = _mapping(link, at)
    if parts.keys() != {"to", "values"}:
        raise ConfigError(f"{at}: has {', '.join(parts) or 'nothing'}; needs 'to' (settings) and 'values'")
    paths = tuple(_text(path, f"{at}: to") for path in _listed(parts["to"]))
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


def _check_paths_once(axes: Sequence[Axis], design: str) -> None:
    seen: dict[str, str] = {}
    for axis in axes:
        for path in axis.paths:
            if path in seen:
                raise ConfigError(
                    f"designs: {design}: {path} is set by both {seen[path]!r} and {axis.name!r}"
                )
            seen[path] = axis.name


def _check_names_once(families: Sequence[Family]) -> None:
    """Refuse two designs, or two axes, of one name that are not the same."""
    designs: dict[str, str] = {}
    paths: dict[str, tuple[str, ...]] = {}
    for family in families:
        if designs.setdefault(family.base.name, family.base.hash) != family.base.hash:
            raise ConfigError(f"designs: two different designs are called {family.base.name!r}")
        for axis in family.axes:
            if paths.setdefault(axis.name, axis.paths) != axis.paths:
                raise ConfigError(f"link: {axis.name}: drives other settings in {family.base.name!r}")


def _check_values(family: Family) -> None:
    """Refuse settings that do not exist and values that no design can take.

    Each value is tried with the first value of every other axis.  Only what is wrong at the setting itself,
    or missing beside it, is refused here; values that merely do not go together make infeasible points.
    """
    _check_groups(family)
    first = [axis.values[0] for axis in family.axes]
    for place, axis in enumerate(family.axes):
        for values in axis.values:
            data = copy.deepcopy(dict(family.data))
            for other, chosen in zip(family.axes, [*first[:place], values, *first[place + 1 :]], strict=True):
                for path, value in zip(other.paths, chosen, strict=True):
                    set_value(copy.deepcopy(data), path, value)
                    assign(data, path, value)
            try:
                Design.model_validate(data)
            except ValidationError as error:
                if error.errors()[0]["loc"]:
                    raise ConfigError(f"designs: {family.base.name}: {explain(error, Design)}") from None


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


def _traces(names: Sequence[object], folder: Path) -> tuple[TraceRef, ...]:
    """Return the traces with short, unique names and the hashes of their files."""
    paths = [_beside(_text(name, "traces"), folder) for name in names]
    for path in paths:
        if not path.is_file():
            raise FileProblem(f"traces: {path}: no such file")
    if len(set(paths)) < len(paths):
        raise ConfigError("traces: names the same file twice")
    stems = [path.stem for path in paths]
    unique = [stem if stems.count(stem) == 1 else str(path) for stem, path in zip(stems, paths, strict=True)]
    return tuple(TraceRef(name, path, file_hash(path)) for name, path in zip(unique, paths, strict=True))


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, first 16 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _policies(value: object) -> tuple[Policy, ...]:
    """Return every combination of the listed settings, each policy once."""
    from simulator.policy import Policy  # noqa: PLC0415  (reading a space must not load the simulator's engines)

    found: dict[Policy, None] = {}
    for entry in _listed(value or {}):
        settings = _mapping(entry, "policies")
        lists = [axis_values(text, f"policies: {name}") for name, text in settings.items()]
        for values in product(*lists):
            found[Policy(**dict(zip(settings, values, strict=True)))] = None
    return tuple(found)


def _budget(value: object) -> tuple[Bound, ...]:
    bounds = []
    for quantity, text in _mapping(value or {}, "budget").items():
        if quantity not in _BUDGET:
            raise ConfigError(f"budget: {quantity}: no such quantity{did_you_mean(quantity, _BUDGET)}")
        column, kind, factor = _BUDGET[quantity]
        try:
            limit = parse_quantity(text, kind) * factor
        except ConfigError as problem:
            raise ConfigError(f"budget: {quantity} = {problem}") from None
        if limit <= 0:
            raise ConfigError(f"budget: {quantity} = {text!r}: must be above 0")
        bounds.append(Bound(quantity, column, limit))
    return tuple(bounds)


def _inputs(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise ConfigError(f"inputs = {value!r}: needs a whole number above 0")


def _objectives(value: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what to minimise and what to maximise."""
    if value is None:
        return Space.minimize, Space.maximize
    parts = _mapping(value, "objectives")
    for key in parts:
        if key not in {"minimize", "maximize"}:
            raise ConfigError(f"objectives: {key}: no such key{did_you_mean(key, ('minimize', 'maximize'))}")
    minimize, maximize = (
        tuple(_text(name, f"objectives: {key}") for name in _listed(parts.get(key) or []))
        for key in ("minimize", "maximize")
    )
    if not minimize and not maximize:
        raise ConfigError("objectives: are empty; name at least one column")
    return minimize, maximize


def _check_objectives(space: Space) -> None:
    """Refuse an objective that no column of the results will have."""
    known = {field.name for field in fields(Row)} | {axis.name for f in space.families for axis in f.axes}
    for name in (*space.minimize, *space.maximize):
        if name not in known:
            raise ConfigError(f"objectives: {name!r}: no such column{did_you_mean(name, known)}")


def _check_names(rule: Expression, space: Space) -> None:
    """Refuse a rule with a name that no design of the space knows."""
    known = {"trace", "design", *(f"policy.{name}" for name in type(space.policies[0]).model_fields)}
    for family in space.families:
        known |= family.defaults.keys()
        known |= {name for axis in family.axes for name in (axis.name, *axis.paths)}
    for name in sorted(rule.names - known):
        raise ConfigError(f"where: {rule.text!r}: no value {name!r}{did_you_mean(name, known)}")


def _check_not_empty(space: Space) -> None:
    if not space.where or any(True for _ in space.points()):
        return
    for rule in space.where:
        alone = Space(space.families, space.traces, space.policies, (rule,))
        if not any(True for _ in alone.points()):
            raise ConfigError(f"where: {rule.text!r} holds for none of the {space.raw_size:,} points")
    raise ConfigError(
        f"where: no point of {space.raw_size:,} keeps all {len(space.where)} rules; they contradict"
    )
