"""From trained weights to results, and a network of two layers worked out by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accel_models import design_prices, load_design
from simulator import Policy, replay
from traces import Trace, TraceInfo, load_trace, save_trace
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import INPUT, Gate, Op

IN_PIXELS = {"in_height": 4, "in_width": 4}
PIXELS: dict[str, Any] = IN_PIXELS | {"out_height": 4, "out_width": 4}
TWO_LAYERS = NetworkGraph(
    name="two_layers",
    input_channels=4,
    input_height=4,
    input_width=4,
    ops=(
        Op(name="a", kind="conv", inputs=(INPUT,), in_channels=4, out_channels=8, **PIXELS),
        Op(
            name="g.pool",
            kind="global_avg_pool",
            inputs=("a",),
            in_channels=8,
            out_channels=8,
            in_height=4,
            in_width=4,
        ),
        Op(name="g.fc", kind="linear", inputs=("g.pool",), in_channels=8, out_channels=1),
        Op(name="g.bit", kind="threshold", inputs=("g.fc",), in_channels=1, out_channels=1),
        Op(name="b", kind="conv", inputs=("a",), in_channels=8, out_channels=8, **PIXELS),
    ),
    gates=(Gate(name="g", kind="layer", reads="a", computed_by=("g.pool", "g.fc", "g.bit"), guards=("b",)),),
)
# 8 x 8 array, one fold each: 2 x 8 + 8 + M - 2 cycles, of which SCALE-Sim prints the last index.
A = B = 2 * 8 + 8 + 16 - 2 - 1  # M = 16 pixels
FC = 2 * 8 + 8 + 1 - 2 - 1
DESIGN = load_design("systolic_bare", {"array.rows": 8, "array.cols": 8})


def two_layer_trace() -> Trace:
    labels = np.array([0, 1, 1], np.int32)
    return Trace(
        graph=TWO_LAYERS,
        info=TraceInfo(model_name="two_layers"),
        labels=labels,
        predictions=np.array([0, 0, 1], np.int32),
        decisions={"g": np.array([True, False, True])},
    )


@pytest.mark.parametrize("engine", ["fast", "events"])
def test_two_layers_by_hand(engine: str, tmp_path: Path) -> None:
    """Input 1 skips b; pool and threshold are free on the bare array, the gate's product is not."""
    save_trace(two_layer_trace(), tmp_path / "t.parquet")
    results = replay(
        load_trace(tmp_path / "t.parquet"), DESIGN, engine="events" if engine == "events" else "fast"
    )
    rows = results.per_input
    assert rows["latency_cycles"].tolist() == [A + FC + B, A + FC, A + FC + B]
    assert rows["macs"].tolist() == [512 + 8 + 1024, 512 + 8, 512 + 8 + 1024]
    assert rows["correct"].tolist() == [True, False, True]

    price = design_prices(DESIGN).value
    cycle = 64 * price("pe_cycles") + price("control_cycles")
    kept = (512 + 1024) * price("macs") + (A + B) * cycle
    assert rows["energy_mac_pj"][0] == pytest.approx(kept)
    assert rows["energy_gate_pj"].tolist() == pytest.approx([8 * price("macs") + FC * cycle] * 3)

    summary = results.replayed
    assert summary.accuracy == pytest.approx(2 / 3)
    assert summary.macs == pytest.approx((2 * 1544 + 520) / 3)
    assert summary.dense.macs == 1536
    assert summary.dense.latency_us == pytest.approx((A + B) / 1000)  # 1 GHz
    assert summary.latency_us.mean == pytest.approx((A + FC + B * 2 / 3) / 1000)


def test_the_saved_share_is_told_without_a_gate_only(tmp_path: Path) -> None:
    """Oracle decisions still cost their computing on the one unit there is."""
    waits = replay(two_layer_trace(), DESIGN, policy=Policy(prefetch="wait")).per_input
    oracle = replay(two_layer_trace(), DESIGN, policy=Policy(prefetch="oracle")).per_input
    assert (oracle["latency_cycles"] <= waits["latency_cycles"]).all()
    assert oracle["busy_array_cycles"].tolist() == waits["busy_array_cycles"].tolist()


def test_train_record_store_load_replay(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from networks.models.families import ResNetConfig  # noqa: PLC0415
    from networks.recording.record import record_checkpoint  # noqa: PLC0415
    from networks.training.config import CostConfig, RunConfig  # noqa: PLC0415  (torch may be missing)
    from networks.training.data import load_digits  # noqa: PLC0415
    from networks.training.launch import run  # noqa: PLC0415  (as above)
    from networks.training.optimizing.optimizers import TrainSettings  # noqa: PLC0415

    shape = {"kind": "resnet", "depth": 8, "widths": (8, 8, 8), "in_channels": 1}
    config = RunConfig(
        name="tiny",
        dataset="digits",
        model=ResNetConfig.model_validate(shape | {"layer_gates": True, "channel_gates": True}),
        training=TrainSettings(epochs=1, batch_size=64, learning_rate=0.05, seed=3, bfloat16=False),
        cost=CostConfig(kind="target", target=0.5),
    )
    checkpoint = run(config, load_digits(), tmp_path / "run")
    recorded = record_checkpoint(checkpoint, limit=40)
    save_trace(recorded, tmp_path / "tiny.parquet")
    stored = load_trace(tmp_path / "tiny.parquet")
    design = load_design("edge_npu_16x16")
    fast, events = (replay(stored, design, engine=engine).per_input for engine in ("fast", "events"))
    assert len(fast) == 40
    assert fast["latency_cycles"].tolist() == events["latency_cycles"].tolist()
    assert fast.equals(events)
