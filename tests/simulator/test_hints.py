"""What is said before figures are read: gates the hardware cannot use, channels sorted by nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from accel_models import Compiler, load_design
from accel_models.design.load import parse_design
from analysis import explain_results
from analysis.reports.report import page_on
from simulator import hints, load_results, replay
from traces import NetworkGraph, cifar_resnet, load_trace, synthetic_trace
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.parts import Gate


def masked() -> NetworkGraph:
    """Two convolutions, the second computed on kept quarters of its output."""
    builder = GraphBuilder("masked", 8, 16, 16)
    first = builder.conv("first", builder.input, 8, Window.square(3))
    builder.conv("second", first, 8, Window.square(3))
    builder.gate(
        Gate(name="mask", kind="spatial", size=4, tile_rows=2, tile_cols=2, reads="first", guards=("second",))
    )
    return builder.finish()


NO_RATES = "the trace has no rates of other inputs (TraceInfo.rates)"


@pytest.mark.parametrize(
    ("spatial", "said"),
    [
        (
            "false",
            "1 spatial gate skips nothing: edge_npu_16x16 cannot skip tiles of a feature map; "
            "--set skip.spatial=true if the hardware can",
        ),
        ("true", f"plans are made for all gates open: {NO_RATES}"),
    ],
)
def test_spatial_gates_on_a_design_without_are_said_to_skip_nothing(spatial: str, said: str) -> None:
    design = load_design("edge_npu_16x16", {"skip.spatial": spatial})
    assert replay(synthetic_trace(masked(), 4), design).notes == (said,)


def test_what_was_said_is_kept_with_the_results_and_told_in_a_report(tmp_path: Path) -> None:
    results = replay(synthetic_trace(masked(), 4), load_design("edge_npu_16x16"))
    results.save(tmp_path / "r")
    assert load_results(tmp_path / "r").notes == results.notes
    page = page_on(tmp_path / "r")
    assert any("cannot skip tiles of a feature map" in words for words in page.sections[0].words)
    assert explain_results(results).notes == results.notes


def test_what_is_compiled_without_rates_is_said() -> None:
    """In one line; where nothing is sorted or planned, there is nothing to say."""
    design = load_design("edge_npu_16x16")
    bare = synthetic_trace(cifar_resnet(8, "channel"), 4)
    both, planned = "channels are sorted by nothing, plans are made", "plans are made"
    assert hints(bare, design, Compiler()) == (f"{both} for all gates open: {NO_RATES}",)
    assert hints(bare, design, Compiler(sort=False)) == (f"{planned} for all gates open: {NO_RATES}",)
    assert hints(bare, design, Compiler.naive()) == ()
    assert hints(load_trace("lcnet_resnet20_50_cifar10", 4), design, Compiler()) == ()
    (core,) = hints(bare, load_design("cortex_m4"), Compiler())
    assert core == f"channels are sorted by nothing: {NO_RATES}"


def test_a_gate_whose_rates_alone_are_missing_is_named() -> None:
    known = load_trace("lcnet_resnet20_50_cifar10", 4)
    last = next(gate.name for gate in reversed(known.graph.gates) if gate.rules.decides == "channels")
    rates = {name: value for name, value in known.info.rates.items() if name != last}
    trace = replace(known, info=known.info.model_copy(update={"rates": rates}))
    (line,) = hints(trace, load_design("edge_npu_16x16"), Compiler())
    assert line.endswith(
        f"sorted by nothing: the trace has no rates of other inputs of {last} (TraceInfo.rates)"
    )


def test_layers_that_cannot_be_skipped_are_said() -> None:
    design = load_design("edge_npu_16x16", {"skip.layers": "false"})
    (line,) = hints(synthetic_trace(cifar_resnet(8, "layer"), 4), design, Compiler())
    assert "layer gates skip nothing: edge_npu_16x16 cannot skip layers; --set skip.layers=true" in line


def test_decisions_that_cross_units_for_nothing_are_said() -> None:
    """A shipped design says why; one that leaves the time out did not.  A single unit hands nothing over."""
    stated = load_design("edge_npu_16x16")
    values = stated.model_dump(mode="json", exclude_unset=True)
    del values["gate_handover"], values["sources"]["gate_handover"]
    silent = parse_design(values, "mine")
    trace = synthetic_trace(cifar_resnet(8, "layer"), 4)
    (line,) = hints(trace, silent, Compiler.naive())
    assert line.startswith("decisions cross units for nothing: edge_npu_16x16 does not state gate_handover")
    assert hints(trace, stated, Compiler.naive()) == ()
    assert hints(trace, load_design("cortex_m4"), Compiler.naive()) == ()
