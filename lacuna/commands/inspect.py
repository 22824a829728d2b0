"""``lacuna inspect FILE``: explain a trace, design, graph, checkpoint or results folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis import digits
from lacuna.commands.design_parts import show_area, show_keys, show_prices
from lacuna.console import percent, show_json, show_notes, show_table
from lacuna.options import (
    AsJson,
    Settings,
    SizesOption,
    SkipUnsupported,
    design_from,
    missing_note,
    network_from,
)
from traces import ConfigError, FileProblem

if TYPE_CHECKING:
    from accel_models import Design
    from traces import NetworkGraph

UNSOURCED = "unsourced"


def inspect(
    what: Annotated[
        str, typer.Argument(help="Trace, design, graph, checkpoint or results folder.", metavar="FILE")
    ] = "",
    energy: Annotated[
        bool, typer.Option("--energy", help="A design's price list, each with its source.")
    ] = False,
    area: Annotated[
        bool, typer.Option("--area", help="A design's area by component, with its source.")
    ] = False,
    keys: Annotated[
        str | None,
        typer.Option("--keys", help="Keys of a section of designs; `all` for every one.", metavar="SECTION"),
    ] = None,
    sizes: SizesOption = [],  # noqa: B006  (typer copies it)
    skip_unsupported: SkipUnsupported = False,
    settings: Settings = [],  # noqa: B006  (typer copies it)
    as_json: AsJson = False,
) -> None:
    """Explain a trace, design, graph, checkpoint or results folder; or the keys of designs."""
    from traces import is_trace, network_names  # noqa: PLC0415

    if keys is not None:
        show_keys(keys, as_json)
        return
    if not what:
        raise ConfigError("inspect: needs a FILE, or --keys SECTION")
    path = Path(what)
    if path.is_dir():
        _results(path, as_json)
    elif is_trace(what):
        _trace(path, as_json)
    elif path.suffix == ".pt":
        _checkpoint(path, as_json)
    elif path.suffix in {".json", ".csv", ".onnx", ".tflite"} or what in network_names():
        _graph(network_from(what, sizes, skip_unsupported), as_json)
    elif path.suffix in {".yaml", ".yml"} or _is_design(what):
        design = design_from(what, settings)
        if energy or area:
            show_prices(design, as_json) if energy else show_area(design, as_json)
        else:
            _design(design, settings, as_json)
    else:
        _graph(network_from(what, sizes, skip_unsupported), as_json)


def _is_design(name: str) -> bool:
    from accel_models import design_names  # noqa: PLC0415

    return name in design_names()


def _trace(path: Path, as_json: bool) -> None:
    from traces import load_trace, read_info, trace_statistics  # noqa: PLC0415

    stored = read_info(path)
    found = trace_statistics(load_trace(path))
    gates = [
        {
            "gate": g.name,
            "kind": g.kind,
            "size": g.size,
            "rate": g.execution_rate,
            "spread": g.spread,
            "always_open": g.always_open,
            "dead": g.dead,
            "validation_rates": stored.info.rates.get(g.name),
        }
        for g in found.gates
    ]
    information = stored.info.model_dump(exclude={"rates"})
    facts = {
        "network": stored.graph.name,
        **{name: value for name, value in information.items() if value not in {None, ""}},
        "schema_version": stored.schema_version,
        "inputs": stored.inputs,
        "accuracy": found.accuracy,
        "macs_kept": found.macs_kept,
        "distinct_decisions": found.distinct_decisions,
        **({"skipped": list(stored.graph.skipped)} if stored.graph.skipped else {}),
    }
    if as_json:
        show_json({**facts, "gates": gates})
        return
    show_table(str(path), ["", ""], [[name, _fact(name, value)] for name, value in facts.items()])
    rows = [
        [g.name, g.kind, str(g.size), percent(g.execution_rate), percent(g.spread), str(g.always_open), str(g.dead)]
        for g in found.gates
    ]  # fmt: skip
    columns = ["gate", "kind", "size", "kept", "spread", "always on", "dead"]
    note = "kept: mean over inputs; spread: its standard deviation; always on, dead: bits that never change"
    show_table("Gates", columns, rows, note=note)
    show_notes(missing_note(stored.graph.skipped))


def _design(design: Design, settings: list[str], as_json: bool) -> None:
    from accel_models import design_area  # noqa: PLC0415

    if as_json:
        show_json(design.model_dump(mode="json"))
        return
    data = design.model_dump(mode="json", exclude={"sources", "name", "description", "changed"})
    given = {text.split("=", maxsplit=1)[0] for text in settings}
    rows = [
        [path, _text(value), "--set" if path in given else _origin(design, path)]
        for path, value in _flat(data)
    ]
    show_table(f"{design.title}: {design.about}", ["setting", "value", "source of"], rows)
    named = {group for _, _, group in rows}
    sources = [[group, text] for group, text in design.sources.items() if group in named]
    note = "default: the value a design has when its file is silent; unsourced: stated, and nothing says where from"
    show_table("", ["source of", "source"], sources, note=note)
    area = design_area(design)
    low, high = area.band
    show_notes(
        [f"area {digits(area.total_mm2, 3)} mm2 ({digits(low, 2)} to {digits(high, 2)}); hash {design.hash}"]
    )


def _graph(graph: NetworkGraph, as_json: bool) -> None:
    if as_json:
        show_json(json.loads(graph.model_dump_json()))
        return
    rows = [
        [op.name, op.kind, f"{op.in_channels} x {op.in_height} x {op.in_width}",
         f"{op.out_channels} x {op.out_height} x {op.out_width}", f"{op.macs:,}",
         ", ".join(gate.name for gate in graph.guards_of(op.name))]
        for op in graph.ops
    ]  # fmt: skip
    title = f"{graph.name}: {len(graph.ops)} ops, {len(graph.gates)} gates, {graph.macs:,} MACs"
    show_table(title, ["op", "kind", "input", "output", "MACs", "guarded by"], rows)
    show_notes(missing_note(graph.skipped))


def _checkpoint(path: Path, as_json: bool) -> None:
    from lacuna.commands.networks import need_torch  # noqa: PLC0415

    need_torch()
    from networks import describe_checkpoint  # noqa: PLC0415  (imports torch)

    rows = describe_checkpoint(path).rows()
    if as_json:
        show_json(dict(rows))
        return
    show_table(str(path), ["", ""], [list(row) for row in rows])


def _results(folder: Path, as_json: bool) -> None:
    from lacuna.replayed import show_summary  # noqa: PLC0415
    from simulator import load_results  # noqa: PLC0415

    if not (folder / "summary.json").is_file():
        raise FileProblem(f"{folder}: no summary.json; a results folder is what `lacuna replay --out` writes")
    show_summary(load_results(folder), as_json=as_json)


def _flat(data: object, path: str = "") -> list[tuple[str, object]]:
    if isinstance(data, dict):
        return [row for key, value in data.items() for row in _flat(value, f"{path}.{key}".strip("."))]
    return [] if data is None else [(path, data)]


def _origin(design: Design, path: str) -> str:
    """Return where a value comes from: a source, the default, or nothing that is said."""
    group = _group(design.sources, path)
    return group if group != UNSOURCED or _is_stated(design, path) else "default"


def _is_stated(design: Design, path: str) -> bool:
    """Whether the file gives the value."""
    part: object = design
    *groups, last = path.split(".")
    for name in groups:
        part = getattr(part, name, None)
    return last in getattr(part, "model_fields_set", {last})


def _group(sources: dict[str, str], path: str) -> str:
    """Return the closest group around a setting that states a source."""
    known = [name for name in sources if path == name or path.startswith(f"{name}.")]
    return max(known, key=len) if known else UNSOURCED


_SHARES = ("test_accuracy", "accuracy", "macs_kept")
_HASH = 16  # digits that tell two files apart; --json has all


def _fact(name: str, value: object) -> str:
    """Return what a trace says of itself, numbers as tables have them."""
    if isinstance(value, float) and name in _SHARES:
        return percent(value)
    if isinstance(value, int) and not isinstance(value, bool) and name != "seed":
        return f"{value:,}"
    return _text(value)[:_HASH] if name.endswith("_hash") else _text(value)


def _text(value: object) -> str:
    """Return a value as a design file writes it."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith("0.0 "):
        return value.replace("0.0", "0", 1)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
