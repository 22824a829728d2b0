"""Does a replay add up, on shipped designs and synthetic traces?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accel_models.design.load import load_design
from simulator import DoesNotFit, Explained, Policy, Replayed, Results, load_results, replay
from simulator.summary import RESULTS_SCHEMA_VERSION
from traces.base.errors import ConfigError, FileProblem, LacunaError, UnsupportedError
from traces.files.storage import save_trace
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.resnets import cifar_resnet
from traces.statistics import execution_rates
from traces.synthetic import SyntheticSettings, synthetic_trace
from traces.trace import open_trace

DESIGNS = ("edge_npu_16x16", "eyeriss", "cortex_m4")
POLICIES = (
    Policy(),
    Policy(prefetch="speculate"),
    Policy(prefetch="predict", theta=0.45),
    Policy(prefetch="oracle"),
    Policy(prefetch="speculate", batch=3),
    Policy(batch=4, batch_order="similar", compaction="per_input"),
)
NARROW = {"memory.banks": 1, "array.rows": 32, "array.cols": 32}
COMBINATIONS = [
    *((DESIGNS[0], policy) for policy in POLICIES),
    *((design, POLICIES[k]) for design in DESIGNS[1:] for k in (1, 5)),
]
GRAPH = cifar_resnet(8, "both")
TRACE = synthetic_trace(GRAPH, 41, SyntheticSettings(rates=0.5, layer_correlation=0.3), seed=3)
PARTS = ("mac", "sram", "dram", "simd", "gate", "wasted", "static")


@pytest.mark.parametrize("design", [*DESIGNS, "ethos_u55_128", "gemmini_16x16"])
def test_a_network_without_macs_is_replayed_and_saves_nothing(design: str) -> None:
    builder = GraphBuilder("pool", 8, 16, 16)
    builder.pool("max_pool", "pool", builder.input, Window.square(2, 2))
    found = replay(synthetic_trace(builder.finish(), 2, seed=0), load_design(design)).figures
    assert isinstance(found, Explained)
    assert found.latency_us.mean == found.dense.latency_us > 0
    assert all(loss.amount == 0 for loss in found.waterfall.latency.losses)


@pytest.mark.parametrize(("design", "policy"), COMBINATIONS, ids=str)
def test_engines_give_the_same_results(design: str, policy: Policy) -> None:
    fast, events = (
        replay(TRACE, load_design(design), policy=policy, engine=engine, limit=5, explain=False)
        for engine in ("fast", "events")
    )
    assert fast.per_input.equals(events.per_input)
    assert fast.per_op.equals(events.per_op)


@pytest.mark.parametrize(("design", "policy"), COMBINATIONS, ids=str)
def test_everything_adds_up(design: str, policy: Policy) -> None:
    results = replay(TRACE, load_design(design), policy=policy)
    figures, rows = results.explained, results.per_input
    parts = rows[[f"energy_{part}_pj" for part in PARTS]].sum(axis=1)
    np.testing.assert_allclose(rows.energy_pj, parts, rtol=1e-12)
    assert (rows.gate_wait_cycles >= 0).all()
    assert (rows.wasted_bytes <= rows.dram_bytes).all()
    for fall, mean, dense in (
        (figures.waterfall.latency, figures.latency_us.mean, figures.dense.latency_us),
        (figures.waterfall.energy, figures.energy_uj.mean, figures.dense.energy_uj),
    ):
        scale = 1e6 if fall.unit == "ps" else 1e9
        assert fall.ideal_saved - sum(loss.amount for loss in fall.losses) == fall.saved
        assert fall.dense - fall.saved == pytest.approx(mean * scale, abs=1)
        assert fall.dense == pytest.approx(dense * scale, abs=1)
    assert figures.oracle.latency_us <= figures.latency_us.mean * (1 + 1e-12)
    assert figures.oracle.energy_uj <= figures.energy_uj.mean * (1 + 1e-12)


@pytest.mark.parametrize("design", DESIGNS)
def test_energy_of_ops_is_the_energy_of_inputs(design: str) -> None:
    results = replay(TRACE, load_design(design), policy=Policy(prefetch="speculate"))
    rows = results.per_input
    moving = rows.energy_pj - rows.energy_static_pj - rows.energy_wasted_pj
    assert results.per_op.energy_pj_mean.sum() == pytest.approx(moving.mean(), rel=1e-9)
    assert results.per_op.macs.sum() == pytest.approx(rows.macs.mean(), rel=1e-12)
    fetched = (rows.dram_bytes - rows.wasted_bytes).mean()
    assert results.per_op.dram_bytes_mean.sum() == pytest.approx(fetched, rel=1e-9)


@pytest.mark.parametrize("design", DESIGNS)
def test_without_gates_a_replay_is_the_dense_network(design: str) -> None:
    results = replay(open_trace(GRAPH.without_gates(), 2), load_design(design))
    figures = results.explained
    assert figures.latency_us.max == figures.latency_us.mean == figures.dense.latency_us
    assert figures.energy_uj.mean == pytest.approx(figures.dense.energy_uj, rel=1e-12)
    assert figures.waterfall.latency.saved == 0
    assert all(loss.amount == 0 for loss in figures.waterfall.latency.losses)


@pytest.mark.parametrize("design", DESIGNS)
def test_with_all_gates_open_a_replay_is_the_dense_network_and_the_gates(design: str) -> None:
    """Tiles chosen op by op, and no weights pinned: either is chosen beside gates and their weights, or without."""
    apart = Policy(tile=False, pin=False)
    dynamic = replay(open_trace(GRAPH), load_design(design), policy=apart).per_op
    static = replay(open_trace(GRAPH.without_gates()), load_design(design), policy=apart).per_op
    kept = dynamic[~dynamic.gate].reset_index(drop=True)
    for column in ("op", "macs", "cycles_mean", "dram_bytes_mean", "energy_pj_mean"):
        assert kept[column].equals(static[column]), column
    assert dynamic[dynamic.gate].cycles_mean.sum() > 0


@pytest.mark.parametrize("design", DESIGNS)
def test_skipping_never_adds_to_busy_cycles_or_macs(design: str) -> None:
    everything = replay(open_trace(GRAPH), load_design(design)).per_input
    rows = replay(TRACE, load_design(design)).per_input
    assert (rows.macs <= everything.macs[0]).all()
    assert (rows.busy_simd_cycles <= everything.busy_simd_cycles[0]).all()


def test_parts_of_a_trace_give_the_results_of_the_whole(tmp_path: Path) -> None:
    design = load_design("edge_npu_16x16")
    policy = Policy(prefetch="speculate", batch=4)
    whole = replay(TRACE, design, policy=policy)
    split = replay((TRACE.rows(at, at + 8) for at in range(0, 48, 8) if at < 41), design, policy=policy)
    save_trace(TRACE, tmp_path / "t.parquet")
    stored = replay(tmp_path / "t.parquet", design, policy=policy)
    for other in (split, stored):
        assert other.per_input.equals(whole.per_input)
        assert other.replayed.trace_hash == whole.replayed.trace_hash
    assert stored.summary() == whole.summary()


def test_predict_is_wait_above_every_rate_and_speculate_below() -> None:
    design = load_design("edge_npu_16x16")

    known = TRACE.info.model_copy(update={"rates": execution_rates(TRACE)})

    def latency(policy: Policy) -> list[int]:
        rows = replay(replace(TRACE, info=known), design, policy=policy, explain=False).per_input
        return [int(cycles) for cycles in rows.latency_cycles]

    assert latency(Policy(prefetch="predict", theta=1.0)) == latency(Policy(prefetch="wait"))
    assert latency(Policy(prefetch="predict", theta=0.0)) == latency(Policy(prefetch="speculate"))


def test_speculation_wastes_what_waiting_does_not() -> None:
    design = load_design("edge_npu_16x16")
    waste = {
        prefetch: replay(
            TRACE, design, policy=Policy(prefetch=prefetch), explain=False
        ).per_input.wasted_bytes.sum()
        for prefetch in ("wait", "speculate", "oracle")
    }
    assert waste["wait"] == waste["oracle"] == 0
    assert waste["speculate"] > 0


def test_unlimited_memory_leaves_nothing_to_prefetch() -> None:
    rows = replay(TRACE, load_design("cortex_m4"), policy=Policy(prefetch="speculate")).per_input
    assert (rows.wasted_bytes == 0).all()
    assert (rows.latency_cycles == rows.busy_simd_cycles).all()


def same(one: Results, two: Results) -> bool:
    return one.per_input.equals(two.per_input) and one.per_op.equals(two.per_op)


def test_results_come_back_from_disk_byte_for_byte(tmp_path: Path) -> None:
    results = replay(TRACE, load_design("edge_npu_16x16"), timeline=2)
    results.save(tmp_path / "one")
    replay(TRACE, load_design("edge_npu_16x16"), timeline=2).save(tmp_path / "two")
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {
        "summary.json",
        "per_input.parquet",
        "per_op.parquet",
        "design.yaml",
        "policy.json",
        "timeline.json.gz",
        "SHA256SUMS",
    }
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    again = load_results(tmp_path / "one")
    assert again.summary() == results.summary()
    assert same(again, results)
    assert (again.design, again.policy, again.timeline) == (results.design, results.policy, results.timeline)


def test_a_network_that_does_not_fit_is_a_result(tmp_path: Path) -> None:
    small = load_design("edge_npu_16x16", {**NARROW, "memory.weight_buffer": "256 B"})
    results = replay(TRACE, small)
    assert not results.feasible
    assert "of the weight buffer" in results.reason
    assert (results.demand, results.bound) == (512, 256)
    results.save(tmp_path / "out")
    again = load_results(tmp_path / "out")
    assert again.summary() == results.summary()
    assert len(again.per_input) == 0
    assert list(again.per_op.columns) == list(results.per_op.columns)
    with pytest.raises(UnsupportedError, match=r"edge_npu_16x16.*of the weight buffer"):
        _ = again.replayed


def test_the_summary_on_disk_has_the_same_keys_however_a_replay_ends(tmp_path: Path) -> None:
    small = {**NARROW, "memory.weight_buffer": "256 B"}
    ends = {
        "explained": replay(TRACE, load_design("edge_npu_16x16"), limit=2),
        "replayed": replay(TRACE, load_design("edge_npu_16x16"), limit=2, explain=False),
        "does not fit": replay(TRACE, load_design("edge_npu_16x16", small), limit=2),
    }
    assert [type(end.summary()) for end in ends.values()] == [Explained, Replayed, DoesNotFit]
    found = {}
    for name, end in ends.items():
        end.save(tmp_path / name)
        found[name] = json.loads((tmp_path / name / "summary.json").read_text("utf-8"))
        assert load_results(tmp_path / name).summary() == end.summary()
    assert list(found["explained"]) == list(found["replayed"]) == list(found["does not fit"])
    figures = set(Explained.model_fields) - set(DoesNotFit.model_fields)
    assert set(found["explained"]) == set(Explained.model_fields) | set(DoesNotFit.model_fields)
    assert not any(found["does not fit"][key] for key in figures)
    with pytest.raises(UnsupportedError, match="replay again with explain=True"):
        _ = ends["replayed"].explained


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"prefetch": "spekulate"}, "policy.prefetch = 'spekulate'"),
        ({"prefech": "wait"}, "policy.prefech: no such setting; did you mean 'prefetch'"),
        ({"batch": 0}, "policy.batch = 0"),
        ({"theta": 1.5}, "policy.theta = 1.5"),
        ({"batch_order": "similar"}, "needs batch = 2 or more"),
    ],
)
def test_a_wrong_policy_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Policy(**settings)


def test_wrong_requests_are_refused() -> None:
    design = load_design("edge_npu_16x16")
    with pytest.raises(ConfigError, match="no inputs"):
        replay(TRACE.rows(0, 0), design)
    with pytest.raises(ConfigError, match="limit = 0"):
        replay(TRACE, design, limit=0)
    with pytest.raises(ConfigError, match="did you mean 'fast'"):
        replay(TRACE, design, engine="fats")  # type: ignore[arg-type]
    with pytest.raises(UnsupportedError, match=r"skip.channels = 'prefix', which cannot"):
        replay(
            TRACE,
            load_design("edge_npu_16x16", {"skip.channels": "prefix"}),
            policy=Policy(batch=2, compaction="per_input"),
        )


def test_damaged_results_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="no such results folder"):
        load_results(tmp_path / "none")
    folder = tmp_path / "out"
    replay(TRACE, load_design("edge_npu_16x16"), explain=False).save(folder)
    whole = (folder / "summary.json").read_text()
    for damaged, message in (
        (whole[:100], "is damaged"),
        (
            whole.replace(f'"schema_version": "{RESULTS_SCHEMA_VERSION}"', '"schema_version": "9.0"'),
            "knows 1.x",
        ),
        (
            whole.replace('"inputs"', '"outputs"'),
            "is damaged: outputs: no such setting; did you mean 'inputs'",
        ),
    ):
        (folder / "summary.json").write_text(damaged)
        with pytest.raises(FileProblem, match=message):
            load_results(folder)
    (folder / "summary.json").unlink()
    with pytest.raises(LacunaError, match=r"has no summary.json"):
        load_results(folder)
