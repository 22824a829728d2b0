"""Do batches fetch, compute and diverge as probability says?"""

from __future__ import annotations

import numpy as np
import pytest

from accel_models.design.load import load_design
from accel_models.work.groups import Compaction
from accel_models.work.skipping import Copies, skip
from simulator import Policy, replay
from simulator.policy import group_inputs
from tests.shared import there
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import SyntheticSettings, synthetic_trace
from traces.trace import open_trace
from traces.work.lowering import lower

DESIGN = load_design("edge_npu_16x16")
GRAPH = cifar_resnet(20, "layer")
N = 8000


@pytest.mark.parametrize(("batch", "rate"), [(2, 0.5), (4, 0.5), (8, 0.5), (4, 0.2), (8, 0.1)])
def test_independent_gates_fetch_as_the_closed_form_says(batch: int, rate: float) -> None:
    """A block is fetched if any of B inputs keeps it: 1 - (1 - p)^B, within 4 standard errors."""
    trace = synthetic_trace(GRAPH, N, SyntheticSettings(rates=rate), seed=1)
    work = skip(lower(trace), DESIGN, group_inputs(trace, Policy(batch=batch)))
    blocks = [i for i, op in enumerate(GRAPH) if op.name.endswith("conv1")]
    fetched = np.array([work.states[i].runs[work.state_index[:, i]] for i in blocks])
    expected = 1 - (1 - rate) ** batch
    error = np.sqrt(expected * (1 - expected) / fetched.size)
    assert abs(fetched.mean() - expected) < 4 * error


def test_inputs_in_a_batch_are_counted_once_each() -> None:
    trace = synthetic_trace(GRAPH, 103, seed=2)
    for order in ("arrival", "similar"):
        groups = there(group_inputs(trace, Policy(batch=8, batch_order=order)))
        assert groups.shape == (13, 8)
        assert sorted(groups[groups >= 0]) == list(range(103))
        assert (groups[-1] == -1).sum() == 1


def test_similar_inputs_together_diverge_less() -> None:
    trace = synthetic_trace(GRAPH, 400, SyntheticSettings(layer_correlation=0.5), seed=3)
    energy = {
        order: replay(
            trace, DESIGN, policy=Policy(batch=8, batch_order=order), explain=False
        ).per_input.dram_bytes.sum()
        for order in ("arrival", "similar")
    }
    assert energy["similar"] < energy["arrival"]


def test_a_batch_shares_its_time_and_divides_its_bytes() -> None:
    trace = synthetic_trace(GRAPH, 10, seed=4)
    results = replay(trace, DESIGN, policy=Policy(batch=4))
    rows = results.per_input
    assert rows.batch.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
    assert rows.groupby("batch").latency_cycles.nunique().eq(1).all()
    assert rows.groupby("batch").energy_pj.nunique().eq(1).all()
    per_batch = rows.groupby("batch").dram_bytes
    assert (per_batch.max() - per_batch.min()).max() <= 1
    assert results.per_batch.inputs.tolist() == [4, 4, 2]
    assert results.per_batch.energy_pj.sum() == pytest.approx(rows.energy_pj.sum())
    assert results.per_batch.latency_cycles.tolist() == rows.groupby("batch").latency_cycles.first().tolist()


def test_equal_inputs_do_not_diverge() -> None:
    trace = synthetic_trace(GRAPH, 1, seed=5)
    same = type(trace)(
        trace.graph,
        trace.info,
        np.repeat(trace.labels, 6),
        np.repeat(trace.predictions, 6),
        {name: bits[[0] * 6] for name, bits in trace.decisions.items()},
    )
    figures = replay(same, DESIGN, policy=Policy(batch=3, prefetch="speculate")).explained
    assert {loss.name: loss.amount for loss in figures.waterfall.latency.losses}["batch divergence"] == 0
    assert {loss.name: loss.amount for loss in figures.waterfall.energy.losses}["batch divergence"] == 0


def test_a_batch_of_one_needs_no_groups() -> None:
    assert group_inputs(synthetic_trace(GRAPH, 3), Policy()) is None


@pytest.mark.parametrize("name", ["edge_npu_16x16", "ethos_u55_128", "cortex_m4"])
@pytest.mark.parametrize("compaction", ["union", "per_input"])
def test_copies_leave_the_work_of_groups_that_hold_one_input_each(name: str, compaction: Compaction) -> None:
    design = load_design(name)
    if design.skip.channels != "compact" and compaction == "per_input":
        return
    workload = lower(synthetic_trace(cifar_resnet(8, "both"), 9, seed=4))
    groups = np.repeat(np.arange(9)[:, None], 5, axis=1)
    copies, grouped = (skip(workload, design, how, compaction) for how in (Copies(5), groups))
    np.testing.assert_array_equal(copies.state_index, grouped.state_index)
    for one, other in zip(copies.states, grouped.states, strict=True):
        assert one.op == other.op
        for column in ("runs", "in_channels", "out_rows", "batch", "useful_macs", "weight_fetch_bytes"):
            np.testing.assert_array_equal(getattr(one, column), getattr(other, column))


def test_batches_of_a_trace_in_parts_have_numbers_of_their_own() -> None:
    trace = synthetic_trace(GRAPH, 20, seed=6)
    policy = Policy(batch=4, batch_order="similar")
    rows = replay((trace.rows(at, at + 10) for at in (0, 10)), DESIGN, policy=policy, explain=False).per_input
    assert rows.groupby("batch").size().tolist() == [4, 4, 2, 4, 4, 2]
    assert rows.input.tolist() == list(range(20))


def test_a_batch_holds_as_many_activations_as_it_has_inputs() -> None:
    """Eight inputs of a 16 x 8 x 8 tensor are 8 KiB: beside a buffer of 4 KiB they go out to DRAM and come back."""
    trace = synthetic_trace(cifar_resnet(8, gates="layer"), 16, SyntheticSettings(rates=1.0), seed=1)
    design = load_design("edge_npu_16x16", {"memory.activation_buffer": "64 KiB"})
    one, eight = (replay(trace, design, policy=Policy(batch=b), explain=False).replayed for b in (1, 8))
    weights = sum(op.weight_count for op in trace.graph.ops)
    assert one.dram_bytes - weights < 3 * 32 * 32 + 2048  # the image, and whole bursts
    assert (
        eight.dram_bytes - weights / 8 > 2 * 16 * 32 * 32
    )  # at least one tensor of the first stage, out and in


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_a_batch_spills_and_says_demand_and_bound_only_where_one_input_does_not_fit(batch: int) -> None:
    """What a batch keeps beyond the buffer goes to DRAM, and tiles take its images one by one, so none is too large.

    A tile of 16 x 16 weights and the next take 512 B, whatever the batch.
    """
    trace = synthetic_trace(GRAPH, batch, seed=5)
    fits, small = (
        replay(trace, load_design("edge_npu_16x16", settings), policy=Policy(batch=batch), explain=False)
        for settings in (
            {"memory.activation_buffer": "2 KiB"},
            {"memory.weight_buffer": "256 B", "memory.banks": 1},
        )
    )
    assert fits.feasible
    assert not small.feasible
    assert (small.demand, small.bound) == (512, 256)
    assert "needs 512 B of the weight buffer, 256 B are free" in small.reason


def test_a_batch_that_must_lie_in_the_sram_whole_says_demand_and_bound() -> None:
    """A U55 that knows its SRAM alone: 64 stems read 3 KiB and write 16 KiB each, 256 KiB are there."""
    design = load_design("ethos_u55_128")
    one, many = (
        replay(synthetic_trace(GRAPH, batch, seed=5), design, policy=Policy(batch=batch), explain=False)
        for batch in (1, 64)
    )
    assert one.feasible
    assert (many.demand, many.bound) == (64 * (3 + 16) * 1024, 256 * 1024)
    assert "its tensors of 64 inputs need 1245184 B" in many.reason
    assert many.reason.endswith("or run fewer inputs together")


def test_a_batch_pays_for_what_it_spills() -> None:
    """ResNet-20's largest tensor is 16 KiB: one input's stay in 96 KiB, those of 64 do not."""
    dense = open_trace(GRAPH.without_gates(), 64)
    one, many = (
        replay(
            dense, DESIGN, policy=Policy(batch=batch, pin=False), explain=False
        ).per_input.dram_bytes.mean()
        for batch in (1, 64)
    )
    weights = sum(op.weight_count for op in GRAPH.without_gates().ops)
    assert many > one - weights  # though weights are fetched once for 64 inputs
