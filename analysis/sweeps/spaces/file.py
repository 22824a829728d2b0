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
    budget: {area: 2 mm2, latency_p99: 5 ms}      # held against the results: changed later without another run
    networks: [lcnet_30.parquet, resnet50, m.onnx]  # traces (operating points of a network), shipped names, models;
                                                  # `traces:`, as it was called before, is still read; a model may be
                                                  # {network: m.onnx, size: x=1x3x224x224, skip_unsupported: true}
    policies: {prefetch: [wait, speculate]}       # or a list of such
    inputs: 2000                                  # the first so many; all when left out
    objectives: {minimize: [latency_us, energy_uj], maximize: [accuracy]}
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Final

from accel_models import load_design
from analysis.sweeps.budgets import parse_limit
from analysis.sweeps.row import NUMBERS
from analysis.sweeps.spaces.axes import (
    as_list,
    as_mapping,
    as_text,
    check_names_once,
    check_paths_once,
    check_values,
    read_axes,
)
from analysis.sweeps.spaces.expressions import Expression, no_such, parse_expression
from analysis.sweeps.spaces.ranges import Limit, axis_values
from analysis.sweeps.spaces.space import MOST_POINTS, Axis, Family, Space, TraceRef
from traces import (
    ConfigError,
    FileProblem,
    Reading,
    check_file,
    did_you_mean,
    file_text,
    load_network,
    name_of,
    network_names,
    parse_size,
    parse_yaml_mapping,
    shipped_file,
)

if TYPE_CHECKING:
    from simulator import Policy

MOST_POLICIES = 10_000  # Choice: a few dozen differ in anything
KEYS: Final = (
    "designs", "set", "link", "where", "budget", "networks", "traces", "policies", "inputs", "objectives"
)  # fmt: skip
NETWORK_KEYS: Final = ("network", "size", "skip_unsupported")


def load_space(path: str | Path, overrides: Mapping[str, object] | None = None) -> Space:
    """Return the space in a YAML file; traces and designs are looked for beside it.

    Parameters
    ----------
    path
        The file; the module's docstring shows what it may hold.
    overrides
        Values set in every base design, by dotted path, as for :func:`accel_models.design.load.load_design`.

    Raises
    ------
    FileProblem, ConfigError
        A file is missing; a key, setting, value, rule or budget is not valid; the space is empty.
    """
    file = Path(path)
    if not file.is_file():
        raise FileProblem(f"{file}: no such space file")
    try:
        return parse_space(file_text(file), file.parent, overrides)
    except (ConfigError, FileProblem) as problem:
        raise type(problem)(f"{file}: {problem}") from None


def parse_space(text: str, folder: Path, overrides: Mapping[str, object] | None = None) -> Space:
    """Return the space that ``text`` describes; relative paths start at ``folder``."""
    data = parse_yaml_mapping(text, "space")
    for key in data:
        if key not in KEYS:
            raise ConfigError(f"{key}: no such key{did_you_mean(str(key), KEYS)}")
    networks = [*as_list(data.get("networks") or []), *as_list(data.get("traces") or [])]
    for key, given in (("designs", data.get("designs")), ("networks", networks)):
        if not given:
            raise ConfigError(f"{key}: is missing; name at least one")
    common = read_axes(data.get("set"), data.get("link"), "")
    families = tuple(_family(entry, common, folder, overrides or {}) for entry in as_list(data["designs"]))
    check_names_once(families)
    references = _networks(networks, folder)
    minimize, maximize = _objectives(data.get("objectives"), [ref for ref in references if not ref.is_trace])
    space = Space(
        families=families,
        traces=references,
        policies=_policies(data.get("policies")),
        where=tuple(parse_expression(as_text(rule, "where")) for rule in as_list(data.get("where") or [])),
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


def _family(entry: object, common: Sequence[Axis], folder: Path, overrides: Mapping[str, object]) -> Family:
    """Return one base design with the common axes and its own."""
    settings = as_mapping(entry, "designs") if isinstance(entry, dict) else {"base": entry}
    for key in settings:
        if key not in {"base", "set", "link"}:
            raise ConfigError(f"designs: {key}: no such key{did_you_mean(key, ('base', 'set', 'link'))}")
    name = as_text(settings.get("base"), "designs: base")
    file = str(_beside(name, folder)) if name.endswith((".yaml", ".yml")) else ""
    base = load_design(file or name, overrides)
    own = read_axes(settings.get("set"), settings.get("link"), f"designs: {name}: ")
    axes = [axis for axis in common if axis.name not in {mine.name for mine in own}] + list(own)
    check_paths_once(axes, name)
    family = Family.of(base, axes, file)
    check_values(family)
    return family


def _beside(name: str, folder: Path) -> Path:
    return Path(name) if Path(name).is_absolute() else folder / name


def _networks(names: Sequence[object], folder: Path) -> tuple[TraceRef, ...]:
    """Return the networks with short, unique names and the hashes of their files or graphs."""
    found = [_reference(entry, folder) for entry in names]
    if len({(ref.path, ref.hash) for ref in found}) < len(found):
        raise ConfigError("networks: names the same file twice")
    stems = [ref.name for ref in found]
    return tuple(ref if stems.count(ref.name) == 1 else replace(ref, name=str(ref.path)) for ref in found)


def _reference(entry: object, folder: Path) -> TraceRef:
    """Return where a network is read from; one that is read in a way of its own is read here."""
    if not isinstance(entry, dict):
        path, digest = _network(as_text(entry, "networks"), folder)
        return TraceRef(name_of(path), path, digest, skipped=_unpriced(path))
    settings = as_mapping(entry, "networks")
    for key in settings:
        if key not in NETWORK_KEYS:
            raise ConfigError(f"networks: {key}: no such key{did_you_mean(key, NETWORK_KEYS)}")
    sizes = [as_text(text, "networks: size") for text in as_list(settings.get("size") or [])]
    skips = settings.get("skip_unsupported", False)
    if not isinstance(skips, bool):
        raise ConfigError(f"networks: skip_unsupported: {skips!r}: needs true or false")
    path, _ = _network(as_text(settings.get("network"), "networks: network"), folder)
    graph = load_network(path, Reading(dict(parse_size(text) for text in sizes), skips))
    name = f"{name_of(path)}({', '.join(sizes)})" if sizes else name_of(path)
    text = graph.model_dump_json(exclude_defaults=True)
    return TraceRef(name, path, _text_hash(text), text, graph.skipped)


def _unpriced(path: Path) -> tuple[str, ...]:
    """Return what of a network's model has no price; a checkpoint's has one."""
    return () if path.suffix == ".pt" else load_network(path).skipped


def _text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _network(name: str, folder: Path) -> tuple[Path, str]:
    """Return where a network is read from and the hash of what is read: a file beside the space, or a shipped name."""
    path = _beside(name, folder)
    if path.is_file():
        return path, file_hash(path)
    if name in network_names():
        return Path(name), _text_hash(load_network(name).model_dump_json())
    if path.suffix:
        raise FileProblem(f"networks: {path}: no such file")
    try:
        shipped = shipped_file(name)
    except FileProblem as problem:
        raise FileProblem(f"networks: {problem}") from None
    return shipped, file_hash(shipped)


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, first 16 hex digits."""
    check_file(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _policies(value: object) -> tuple[Policy, ...]:
    """Return every combination of the listed settings, each policy once."""
    from simulator import Policy  # noqa: PLC0415  (reading a space must not load the simulator's engines)

    found: dict[Policy, None] = {}
    for entry in as_list(value or {}):
        settings = as_mapping(entry, "policies")
        lists = [axis_values(text, f"policies: {name}") for name, text in settings.items()]
        if prod(map(len, lists)) > MOST_POLICIES:
            raise ConfigError(f"policies: {prod(map(len, lists)):,} of them; needs at most {MOST_POLICIES:,}")
        for values in product(*lists):
            found[Policy.of(dict(zip(settings, values, strict=True)))] = None
    return tuple(found)


def _budget(value: object) -> tuple[Limit, ...]:
    return tuple(parse_limit(name, text) for name, text in as_mapping(value or {}, "budget").items())


def _inputs(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise ConfigError(f"inputs = {value!r}: needs a whole number above 0")


def _objectives(value: object, whole: Sequence[TraceRef]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what to minimise and what to maximise; of networks that run whole nobody knows what they answer."""
    if value is None:
        return Space.minimize, tuple(name for name in Space.maximize if name != "accuracy" or not whole)
    parts = as_mapping(value, "objectives")
    for key in parts:
        if key not in {"minimize", "maximize"}:
            raise ConfigError(f"objectives: {key}: no such key{did_you_mean(key, ('minimize', 'maximize'))}")
    minimize, maximize = (
        tuple(as_text(name, f"objectives: {key}") for name in as_list(parts.get(key) or []))
        for key in ("minimize", "maximize")
    )
    if not minimize and not maximize:
        raise ConfigError("objectives: are empty; name at least one column")
    if whole and "accuracy" in (*minimize, *maximize):
        raise ConfigError(f"objectives: accuracy of {whole[0].name!r} is not known; only traces hold answers")
    return minimize, maximize


def _check_objectives(space: Space) -> None:
    """Refuse an objective that no column of the results will have."""
    known = {*NUMBERS, *(axis.name for axis in space.axes)}
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
        raise ConfigError(f"where: {rule.text!r}: {no_such(rule, name, 'value', known)}")


def _check_not_empty(space: Space) -> None:
    if not space.where or space.raw_size > MOST_POINTS or any(True for _ in space.points()):
        return  # Choice: of a space too large to walk a search finds out
    for rule in space.where:
        alone = Space(space.families, space.traces, space.policies, (rule,))
        if not any(True for _ in alone.points()):
            raise ConfigError(f"where: {rule.text!r} holds for none of the {space.raw_size:,} points")
    raise ConfigError(
        f"where: no point of {space.raw_size:,} keeps all {len(space.where)} rules; they contradict"
    )
