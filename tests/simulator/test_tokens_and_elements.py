"""Unit: token and element gates worked by hand, from rows kept to MACs, bytes and cycles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from accel_models import load_design
from simulator import Results, estimate, replay
from traces import NetworkGraph, Trace, from_masks, lower

ARRAY, CORE = "edge_npu_16x16", "cortex_m55"
ROWS, WIDE, HEADS = 6, 32, 2
BURST = 64  # of edge_npu_16x16's DRAM; a row of 32 one-byte features takes one [B]
GATHERED = 16  # elements that its gather moves a cycle


def op(
    name: str, kind: str, reads: tuple[str, ...], channels: tuple[int, int], rows: int, **more: Any
) -> dict[str, Any]:
    sizes = {"in_channels": channels[0], "out_channels": channels[1], "in_height": rows, "out_height": rows}
    return {"name": name, "kind": kind, "inputs": reads, **sizes, **more}


def attention(rows: int) -> NetworkGraph:
    """Return attention of two heads behind a gate that keeps some of the rows."""
    scores = HEADS * rows
    ops = (
        op("score", "linear", ("input",), (WIDE, 1), rows),
        op("keep", "threshold", ("score",), (1, 1), rows),
        *(op(name, "linear", ("input",), (WIDE, WIDE), rows) for name in "qkv"),
        op("qk", "matmul", ("q", "k"), (WIDE, scores), rows, groups=HEADS),
        op("p", "softmax", ("qk",), (scores, scores), rows),
        op("av", "matmul", ("p", "v"), (scores, WIDE), rows, groups=HEADS),
        op("fc", "linear", ("av",), (WIDE, WIDE), rows),
    )
    guards = tuple(each["name"] for each in ops[2:])
    gate = {
        "name": "keep",
        "kind": "token",
        "size": rows,
        "reads": "score",
        "computed_by": ("keep",),
        "guards": guards,
    }
    whole = {"name": "t", "input_channels": WIDE, "input_height": rows, "input_width": 1}
    return NetworkGraph.model_validate({**whole, "ops": ops, "gates": (gate,)})


def traced(graph: NetworkGraph, kept: list[list[int]]) -> Trace:
    """Return a trace that keeps these places of the only gate, input by input."""
    gate = graph.gates[0]
    bits = np.zeros((len(kept), gate.size), np.bool_)
    for row, places in zip(bits, kept, strict=True):
        row[places] = True
    none = np.zeros(len(kept), np.int64)
    return from_masks(graph, {gate.name: bits}, labels=none, predictions=none)


KEPT = [[0, 1, 2, 3, 4, 5], [0, 2, 3, 5], [1], []]
COUNTS = [len(places) for places in KEPT]


def test_rows_left_and_their_macs() -> None:
    """Of r rows left products are r x 32 x 32, scores r x 16 x r per head, and so is what they weigh."""
    work = lower(traced(attention(ROWS), KEPT))
    place = work.graph.index
    assert work.tiles[:, place["q"]].tolist() == COUNTS
    assert work.out_channels[:, place["qk"]].tolist() == [HEADS * r for r in COUNTS]
    assert work.in_channels[:, place["av"]].tolist() == [HEADS * r for r in COUNTS]
    for name in ("q", "k", "v", "fc"):
        assert work.op_macs[:, place[name]].tolist() == [r * WIDE * WIDE for r in COUNTS]
    for name in ("qk", "av"):
        assert work.op_macs[:, place[name]].tolist() == [HEADS * r * (WIDE // HEADS) * r for r in COUNTS]
    gate = ROWS * WIDE
    assert work.macs.tolist() == [gate + 4 * r * 1024 + 2 * 32 * r * r for r in COUNTS]


def alone(rows: list[int], design: str) -> Results:
    return replay(traced(attention(ROWS), [rows]), load_design(design))


@pytest.mark.parametrize("kept", KEPT[:3], ids=len)
def test_kept_rows_take_what_a_shorter_sequence_takes(kept: list[int]) -> None:
    """On the array, what first reads the kept rows packs them, 16 elements a cycle; if all are kept nothing is."""
    r = len(kept)
    packing = {name: r * WIDE // GATHERED if r < ROWS else 0 for name in ("q", "k", "v")}
    for design in (ARRAY, CORE):
        shorter = {row.layer: row.compute_cycles for row in estimate(attention(r), load_design(design)).rows}
        ops = alone(kept, design).per_op
        for name, cycles in zip(ops["op"], ops["cycles_mean"], strict=True):
            if name not in {"score", "keep"}:  # the gate looks at every row
                assert cycles == shorter[name] + (packing.get(name, 0) if design == ARRAY else 0), (
                    design,
                    name,
                )


def test_dropped_rows_are_not_read() -> None:
    """The gate reads six rows, the three projections the kept ones, each a burst; nothing else leaves the chip."""
    results = replay(traced(attention(ROWS), KEPT), load_design(ARRAY))
    assert results.per_input["dram_bytes"].tolist() == [BURST * (ROWS + 3 * r) for r in COUNTS]
    cannot = replay(traced(attention(ROWS), KEPT[:3]), load_design(ARRAY, {"skip.channels": "none"}))
    assert set(cannot.per_input["dram_bytes"]) == {BURST * 4 * ROWS}
    assert len(set(cannot.per_input["latency_cycles"])) == 1
    assert any("token gate skips nothing" in note for note in cannot.notes)


def refined() -> NetworkGraph:
    """Return a 3x3 convolution of four channels over 4x4 pixels behind a gate for each of its 64 elements."""
    square = {"in_width": 4, "out_width": 4}
    ops = (
        op("base", "conv", ("input",), (4, 4), 4, **square),
        op("keep", "threshold", ("base",), (4, 4), 4, **square),
        op("rest", "conv", ("base",), (4, 4), 4, **square, kernel_height=3, kernel_width=3),
    )
    gate = {
        "name": "keep",
        "kind": "element",
        "size": 64,
        "reads": "base",
        "computed_by": ("keep",),
        "guards": ("rest",),
    }
    whole = {"name": "e", "input_channels": 4, "input_height": 4, "input_width": 4}
    return NetworkGraph.model_validate({**whole, "ops": ops, "gates": (gate,)})


ELEMENTS = [64, 37, 10, 0]


def test_each_element_left_is_a_product_of_its_window() -> None:
    """An element is 9 x 4 MACs; the base of 16 pixels takes 16 x 4 x 4 whatever is left."""
    work = lower(traced(refined(), [list(range(n)) for n in ELEMENTS]))
    assert work.op_macs[:, 2].tolist() == [36 * n for n in ELEMENTS]
    assert work.macs.tolist() == [256 + 36 * n for n in ELEMENTS]
    assert work.tiles[:, 2].tolist() == ELEMENTS


@pytest.mark.parametrize("design", [ARRAY, CORE])
def test_single_elements_save_no_time_unless_all_go(design: str) -> None:
    trace = traced(refined(), [list(range(n)) for n in ELEMENTS])
    settings: dict[str, object] = {"array.zero_gating": True} if design == ARRAY else {}
    results = replay(trace, load_design(design, settings))
    cycles, joules = results.per_input["latency_cycles"].tolist(), results.per_input["energy_mac_pj"]
    assert cycles[0] == cycles[1] == cycles[2] > cycles[3]
    assert results.per_input["macs"].tolist() == [256 + 36 * n for n in ELEMENTS]
    assert any("element gate skips nothing" in note for note in results.notes)
    if design == ARRAY:  # masked MACs do not switch: 27 elements fewer save half of what 54 fewer do
        assert 2 * (joules[0] - joules[1]) == pytest.approx(joules[0] - joules[2])
        assert joules[0] > joules[2]
