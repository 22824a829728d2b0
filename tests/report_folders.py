"""Result folders as the simulator and the sweep write them, small enough for tests of reports."""

import json
from pathlib import Path
from typing import Any

from accel_models import STEPS, load_design
from analysis.sweeps.folder.manifest import FolderRun, Manifest
from analysis.sweeps.folder.store import Store
from analysis.sweeps.row import SweepRow
from simulator import Policy, replay
from traces.files.storage import save_trace
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import SyntheticSettings, synthetic_trace
from traces.trace import Trace

HOSTILE = "<script>alert(1)</script>&\"'`<img src=x onerror=alert(2)>"
HOSTILE_FOLDER = HOSTILE.replace("/", "\u2215")  # a folder's name may hold all of it but the slash


def small_trace(inputs: int = 60) -> Trace:
    """Return a made-up trace of the smallest CIFAR ResNet with layer and channel gates."""
    settings = SyntheticSettings(rates=0.5, layer_correlation=0.4, difficulty=0.3, classes=4)
    return synthetic_trace(cifar_resnet(8, "both", classes=4), inputs, settings, seed=1)


def replay_folder(folder: Path, designs: dict[str, str], *, timeline: int = 2) -> Path:
    """Replay the small trace on designs, ``{folder name: design}``, and save all with the trace.

    A folder whose name is hostile holds a design of that name.
    """
    trace = small_trace()
    folder.mkdir(exist_ok=True)
    save_trace(trace, folder / "trace.parquet")
    for name, design in designs.items():
        chosen = load_design(design)
        named = chosen.model_copy(update={"name": name}) if "<" in name else chosen
        replay(trace, named, policy=Policy(), timeline=timeline).save(folder / name)
    return folder


def save_as_written(folder: Path, designs: dict[str, str]) -> None:
    """Save the same replays with every step of the compiler left out, as ``lacuna demo`` does."""
    policy = Policy.of(dict.fromkeys(STEPS, False))
    for name, design in designs.items():
        written = replay(small_trace(), load_design(design), policy=policy, explain=False)
        written.save(folder / f"{name}.as_written")


def sweep_folder(folder: Path, points: int, *, design: str = "edge_npu_16x16") -> Path:
    """Write a sweep of ``points`` made-up rows: every seventh does not fit, energy falls as latency rises."""
    manifest = Manifest(
        model_version="1.0",
        space_hash="5eed",
        space_text=f"designs: [{design}]\n# {HOSTILE}\n",
        size=points,
        designs={design: load_design(design).model_dump(mode="json")},
        axes={"array.rows": ("array.rows",)},
        traces={"small": "small.parquet"},
        trace_file_hashes={"small": "c0ffee"},
        inputs=None,
        minimize=("latency_us", "energy_uj", "area_mm2"),
        maximize=("accuracy",),
        runs=(FolderRun(kind="sweep", command=f"lacuna sweep '{HOSTILE}'"),),
    )
    store = Store.open(folder, manifest, resume=False)
    store.add(sweep_row(i, design) for i in range(points))
    store.finish()
    return folder


def sweep_row(i: int, design: str) -> SweepRow:
    """Return made-up row ``i``."""
    shared: dict[str, Any] = {
        "key": f"{i:06d}",
        "index": i,
        "design": design,
        "design_hash": f"{i:x}",
        "parameters": json.dumps({"array.rows": i + 1}),
        "trace": "small",
        "trace_file_hash": "c0ffee",
        "prefetch": "wait",
        "policy": "{}",
    }
    if i % 7 == 3:
        reason = f"weight buffer too small {HOSTILE}"
        return SweepRow(**shared, feasible=False, reason=reason, demand=2048.0, bound=1024.0)
    latency = 100.0 + i
    return SweepRow(
        **shared,
        feasible=True,
        inputs=60,
        accuracy=0.9,
        macs=5e6,
        latency_us=latency,
        latency_us_p99=1.3 * latency,
        energy_uj=2000.0 / latency + (i % 5),
        area_mm2=0.1 + i * 1e-3,
        dram_bytes=4096.0,
        dense_macs=1e7,
        dense_latency_us=1.5 * latency,
        dense_energy_uj=40.0,
        energy_scaled=i % 2 == 0,
        energy_table=f"table {i % 2}",
    )
