"""What ships with the code: checkpoints, logs, recorded traces, and where each of them comes from.

``python -m networks.recording.shipping RUNS --data DIR`` takes every finished run ``RUNS/NAME/`` (``model.pt``,
``log.csv``, and ``commit``, a line per commit that trained it) whose configuration is
``networks/shipped/NAME.yaml``, measures it on the test images, and writes ``networks/shipped/`` and
``traces/shipped/``.  A trace ships of the networks that ``provenance.json`` marks so already, and of those
named with ``--trace``.  With ``--rates`` it only measures the validation rates of the traces that ship without them,
and leaves their decisions as they are;
with ``--exits`` it only measures what early exits of those traces answer.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, assert_never

import torch

from networks.models.families import (
    DDIResNetConfig,
    DenseNetConfig,
    EfficientNetConfig,
    ResNetConfig,
    ViTConfig,
    WhitenedConfig,
)
from networks.models.resnet import CIFAR_WIDTHS
from networks.recording.catalogue import PROVENANCE
from networks.recording.exit_points import exit_points
from networks.recording.record import CheckpointInfo, describe_checkpoint, record_checkpoint, validation_rates
from networks.training import checkpoint
from networks.training.config import ExitsConfig, RunConfig, load_config
from networks.training.cost_table import load_cost_table
from traces import Trace, atomic_write, load_trace, lower, save_trace

CHECKPOINTS = Path("networks/shipped")
TRACES = Path("traces/shipped")
_BACKBONE_DEPTH = 20
_GATED = {  # by L-Net, C-Net
    (True, True): "LC-Net",
    (True, False): "L-Net alone",
    (False, True): "C-Net alone",
    (False, False): "static",
}


def ship(name: str, run: Path, data: Path, *, with_trace: bool) -> dict[str, Any]:
    """Copy one finished run to what ships; return its entry of the provenance file.

    Raises
    ------
    FileProblem
        The run has no finished checkpoint.
    """
    info = describe_checkpoint(run / "model.pt")
    path = CHECKPOINTS / f"{name}.pt"
    content = checkpoint.read(run / "model.pt", checkpoint.MODEL)
    checkpoint.write(path, checkpoint.MODEL, lighter(content, load_config(path.with_suffix(".yaml"))))
    shutil.copyfile(run / "log.csv", path.with_suffix(".csv"))
    target = TRACES / f"{name}_cifar10.parquet"
    command = f"lacuna record {path} --data DIR --no-scores --out {target}"
    trace = record_checkpoint(path, data, scores=False, command=command)
    commits = run / "commit"
    entry: dict[str, Any] = {
        "method": method_of(load_config(path.with_suffix(".yaml"))),
        "checkpoint": str(path),
        "checkpoint_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "command": f"lacuna train {path.with_suffix('.yaml')} --data DIR --out runs/{name}",
        "log": str(path.with_suffix(".csv")),
        "seed": info.seed,
        "commits": commits.read_text().split() if commits.is_file() else [],
        "epochs": info.epochs,
        "start_from": info.start_from,
        "macs": info.graph.without_gates().macs,
        "gates": dict(sorted(Counter(gate.kind for gate in info.graph.gates).items())),
        "validation_accuracy": round(info.validation_accuracy, 4),
        "test_accuracy": round(trace.accuracy, 4),
    }
    entry |= _gated(trace, info) | _exits(path, trace, data, info)
    if with_trace:
        save_trace(trace, target)
        entry["trace"] = str(target)
    return entry


def lighter(content: dict[str, Any], config: RunConfig) -> dict[str, Any]:
    """Leave out what exits added to a network that ships leave as it is: its own checkpoint has that."""
    if not isinstance(config.cost, ExitsConfig) or config.cost.joint or config.start_from is None:
        return content
    return checkpoint.resting_on(content, CHECKPOINTS / Path(config.start_from).name)


def _gated(trace: Trace, info: CheckpointInfo) -> dict[str, Any]:
    """Return what only dynamic networks have: the MACs kept."""
    if not info.graph.gates:
        return {}
    kept = lower(trace).macs / info.graph.without_gates().macs
    return {
        "macs_kept": {
            "mean": round(float(kept.mean()), 4),
            "min": round(float(kept.min()), 4),
            "max": round(float(kept.max()), 4),
        }
    }


def _exits(path: Path, trace: Trace, data: Path, info: CheckpointInfo) -> dict[str, Any]:
    if not trace.exit_predictions:
        return {}
    validation = record_checkpoint(path, data, part="validation", scores=False)
    return exit_points(trace, validation, info.graph.without_gates().macs)


def method_of(config: RunConfig) -> str:
    """Name what a run trains, as the tables of the documentation do."""
    if config.cost is None or config.cost.table is None:
        return _network(config)
    table = load_cost_table(CHECKPOINTS / config.cost.table)
    return f"{_network(config)}, for {'energy' if table.unit == 'pJ' else table.unit} on {table.design}"


def _network(config: RunConfig) -> str:
    match config.model:
        case ResNetConfig() as model:
            return _resnet(model, shrunk=config.shrink_start)
        case WhitenedConfig(layer_gates=layer, channel_gates=channel, little=little):
            how = ", narrowed" if config.shrink_start else ""
            return "big/little, whitened" if little else f"{_GATED[layer, channel]}, whitened{how}"
        case DDIResNetConfig(layer_gates=layer, channel_gates=channel, exits=exits):
            joint = isinstance(config.cost, ExitsConfig) and config.cost.joint
            alone = "exits, joint" if joint else "exits"
            return alone if not layer else "DDI" if channel or exits else "SkipNet"
        case DenseNetConfig(layer_gates=gated, channel_gates=channel):
            return ("MGL2S on DenseNet" if channel else "DDI on DenseNet") if gated else "static DenseNet"
        case EfficientNetConfig():
            return "exits, EfficientNet-Lite0"
        case ViTConfig(gates_after=gates):
            return "token gates, ViT" if gates else "static ViT"
        case _:
            assert_never(config.model)


def _resnet(model: ResNetConfig, *, shrunk: bool) -> str:
    """Name a residual network; of depths other than the backbone's the depth is part of the method."""
    deep = f", ResNet-{model.depth}" if model.depth not in {None, _BACKBONE_DEPTH} else ""
    kind = "spatial gates" if model.spatial_gates else _GATED[model.layer_gates, model.channel_gates]
    how = " per convolution" if model.per_convolution else ""
    how += ", ReLU-1" if kind != "static" and model.least_score == 0 else ""
    if kind == "static" and model.widths:
        how = ", narrowed" if model.widths[0] < CIFAR_WIDTHS[0] else ", wide"
    elif kind == "static" and shrunk:
        how = ", shortened"
    return kind + how + deep


def add_rates(data: Path) -> None:
    """Give every shipped trace that has none the validation rates of its checkpoint."""
    for path in sorted(TRACES.glob("*.parquet")):
        trace = load_trace(path)
        if not trace.info.rates:
            name = path.stem.removesuffix("_cifar10")
            rates = validation_rates(CHECKPOINTS / f"{name}.pt", data)
            save_trace(replace(trace, info=trace.info.model_copy(update={"rates": rates})), path)
            print(f"{name}: {len(rates)} gates")  # noqa: T201  (a maintainer's script)


def measure_exits(known: dict[str, dict[str, Any]], data: Path) -> None:
    """Measure anew what the exits of the shipped traces answer, in place."""
    for name, entry in known.items():
        if "exit_test_accuracy" in entry:
            path = CHECKPOINTS / f"{name}.pt"
            trace = load_trace(TRACES / f"{name}_cifar10.parquet")
            entry.update(_exits(path, trace, data, describe_checkpoint(path)))
            print(f"{name}: exits measured")  # noqa: T201  (a maintainer's script)


def leave_out(names: Iterable[str], known: dict[str, dict[str, Any]]) -> None:
    """Take checkpoints without traces away, for their size; what was measured of them stays, and how to train them."""
    for name in names:
        if "trace" in known[name]:
            raise SystemExit(f"{name} ships with a trace, which needs its checkpoint")
        Path(known[name].pop("checkpoint")).unlink()


def main() -> None:
    """Ship the runs of a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--trace", action="append", default=[], metavar="NAME", help="ship its trace too")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="leave the others alone")
    parser.add_argument(
        "--rates", action="store_true", help="add validation rates to the traces that ship, no more"
    )
    parser.add_argument("--exits", action="store_true", help="measure the exits of what ships anew, no more")
    parser.add_argument(
        "--without", action="append", default=[], metavar="NAME", help="take its checkpoint away"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.rates:
        add_rates(arguments.data)
        return
    known = json.loads(PROVENANCE.read_text())["artefacts"] if PROVENANCE.is_file() else {}
    configured = {path.stem for path in CHECKPOINTS.glob("*.yaml")}
    leave_out(arguments.without, known)
    if arguments.exits:
        measure_exits(known, arguments.data)
    finished = {path.parent.name for path in arguments.runs.glob("*/model.pt")}
    for name in (
        ()
        if arguments.exits or arguments.without
        else sorted(configured & finished & set(arguments.only or finished))
    ):
        with_trace = name in arguments.trace or "trace" in known.get(name, {})
        known[name] = ship(name, arguments.runs / name, arguments.data, with_trace=with_trace)
        print(f"{name}: {known[name]['test_accuracy']:.2%} of the test images")  # noqa: T201  (a maintainer's script)
    entries = {name: known[name] for name in sorted(configured & set(known))}
    with atomic_write(PROVENANCE) as part:
        part.write_text(json.dumps({"format_version": 2, "artefacts": entries}, indent=2) + "\n")


if __name__ == "__main__":
    main()
