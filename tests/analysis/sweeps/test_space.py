"""Spaces from YAML: which points there are, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.sweeps.spaces import axes as space_axes
from analysis.sweeps.spaces.file import load_space
from tests.analysis.sweeps.sweep_fakes import make_space, make_trace
from traces import ConfigError, FileProblem, LacunaError

BASE = "designs: edge_npu_16x16\ntraces: easy.parquet\n"


def points(folder: Path, text: str) -> list[dict[str, bool | int | float | str]]:
    space = make_space(folder, text)
    found = [space.parameters(point) for point in space.points()]
    assert space.size == len(found)
    return found


def test_a_grid_is_the_product_of_its_axes(tmp_path: Path) -> None:
    found = points(tmp_path, BASE + "set: {array.rows: 8..16 log2, array.dataflow: [ws, os]}")
    assert [tuple(point.values()) for point in found] == [(8, "ws"), (8, "os"), (16, "ws"), (16, "os")]


def test_without_axes_there_is_the_design_itself(tmp_path: Path) -> None:
    space = make_space(tmp_path, BASE)
    assert space.size == 1
    assert space.design(next(space.points())).hash == space.families[0].base.hash


def test_one_name_drives_several_settings(tmp_path: Path) -> None:
    space = make_space(tmp_path, BASE + "link: {side: {to: [array.rows, array.cols], values: [4, 24]}}")
    arrays = [space.design(point).array for point in space.points()]
    assert [(array.rows, array.cols) for array in arrays if array] == [(4, 4), (24, 24)]


def test_linked_values_may_differ(tmp_path: Path) -> None:
    text = BASE + "link: {shape: {to: [array.rows, array.cols], values: [[4, 8], [8, 4]]}}"
    assert points(tmp_path, text) == [{"shape": "4 x 8"}, {"shape": "8 x 4"}]


def test_units_reach_the_design(tmp_path: Path) -> None:
    space = make_space(tmp_path, BASE + "set: {memory.weight_buffer: 16 KiB..64 KiB log2}")
    sizes = [space.design(point).memory.weight_buffer for point in space.points()]  # type: ignore[union-attr]
    assert sizes == [16384, 32768, 65536]


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ("array.rows * array.cols <= 64", {(4, 4), (4, 16), (16, 4)}),
        ("array.rows == array.cols", {(4, 4), (16, 16)}),
        ("array.rows > 4 and policy.batch == 1 and trace == 'easy'", {(16, 4), (16, 16)}),
        ("memory.dram.burst == '64 B'", {(4, 4), (4, 16), (16, 4), (16, 16)}),
    ],
)
def test_rules_leave_points(tmp_path: Path, rule: str, left: set[tuple[int, int]]) -> None:
    text = BASE + f'set: {{array.rows: [4, 16], array.cols: [4, 16]}}\nwhere: ["{rule}"]'
    assert {tuple(point.values()) for point in points(tmp_path, text)} == left


def test_a_rule_about_an_array_does_not_bind_a_core(tmp_path: Path) -> None:
    text = """
designs:
  - {base: edge_npu_16x16, set: {array.rows: [8, 32]}}
  - cortex_m7
where: [array.rows < 16]
traces: easy.parquet
"""
    space = make_space(tmp_path, text)
    found = [(space.families[p.family].base.name, space.parameters(p)) for p in space.points()]
    assert found == [("edge_npu_16x16", {"array.rows": 8}), ("cortex_m7", {})]


def test_a_design_of_its_own_values_overrides_the_common_ones(tmp_path: Path) -> None:
    text = """
designs: [{base: edge_npu_16x16, set: {clock: 1 GHz}}, edge_npu_32x32]
set: {clock: [100 MHz, 200 MHz]}
traces: easy.parquet
"""
    assert points(tmp_path, text) == [{"clock": "1 GHz"}, {"clock": "100 MHz"}, {"clock": "200 MHz"}]


def test_traces_and_policies_multiply(tmp_path: Path) -> None:
    make_trace(tmp_path, "hard", rate=0.9)
    text = """
designs: edge_npu_16x16
traces: [easy.parquet, hard.parquet]
policies:
  - {prefetch: [wait, speculate]}
  - {prefetch: predict, theta: 0.2..0.8 step 0.3}
  - {prefetch: wait}
"""
    space = make_space(tmp_path, text)
    assert [policy.prefetch for policy in space.policies] == ["wait", "speculate", *["predict"] * 3]
    assert [policy.theta for policy in space.policies][2:] == [0.2, 0.5, 0.8]
    assert space.size == 2 * 5
    assert len({trace.hash for trace in space.traces}) == 2


def test_places_count_through_the_whole_grid(tmp_path: Path) -> None:
    make_trace(tmp_path, "hard", rate=0.9)
    text = """
designs: [{base: edge_npu_16x16, set: {array.rows: 1..3, array.cols: 1..2}}, cortex_m7]
traces: [easy.parquet, hard.parquet]
policies: {batch: [1, 2]}
"""
    space = make_space(tmp_path, text)
    assert [space.index(point) for point in space.points()] == list(range(space.raw_size))


def test_the_hash_follows_what_decides_results(tmp_path: Path) -> None:
    one = make_space(tmp_path, BASE + "set: {array.rows: [8, 16]}")
    same = make_space(tmp_path, BASE + "set: {array.rows: 8..16 log2}\nobjectives: {minimize: macs}")
    other = make_space(tmp_path, BASE + "set: {array.rows: [8, 24]}")
    fewer = make_space(tmp_path, BASE + "set: {array.rows: [8, 16]}\ninputs: 4")
    assert one.hash == same.hash
    assert len({one.hash, other.hash, fewer.hash}) == 3


def test_describe_counts_before_anything_runs(tmp_path: Path) -> None:
    text = BASE + "set: {array.rows: 1..4, array.cols: 1..4}\nwhere: [array.rows == array.cols]"
    assert make_space(tmp_path, text).describe() == (
        "4 points: designs edge_npu_16x16 (4 x 4); 1 trace; 1 policy, 12 forbidden by where"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("traces: easy.parquet", "designs: is missing"),
        ("designs: edge_npu_16x16", "networks: is missing"),
        (BASE + "sets: {}", "sets: no such key; did you mean 'set'"),
        (BASE + "set: {array.rowz: 8}", "array.rowz: no such setting; did you mean 'rows'"),
        (BASE + "set: {array.rows: eight}", "array.rows = 'eight'"),
        (BASE + "set: {array.dataflow: [ws, oss]}", "array.dataflow = 'oss'"),
        (BASE + "set: {clock: 100..200}", "clock = 100: 100 has no unit"),
        (BASE + "set: {array.rows: []}", "set: array.rows: has no values"),
        (BASE + "set: 3", "set: holds 3; needs a mapping"),
        (BASE + "set: {array.rows: 8}\nlink: {n: {to: array.rows, values: 4}}", "array.rows is set by both"),
        (BASE + "link: {n: {to: array.rows}}", "needs 'to' .* and 'values'"),
        (BASE + "link: {n: {to: [], values: 1..2}}", "names no setting; needs at least one"),
        (BASE + "link: {a-b: {to: array.rows, values: 4}}", "is no name"),
        (BASE + "link: {n: {to: [array.rows, array.cols], values: [[4]]}}", "needs 2 values"),
        (BASE + "where: [array.rowz > 3]", "no value 'array.rowz'; did you mean 'array.rows'"),
        (BASE + "where: ['array.rows >']", "expression 'array.rows >'"),
        (BASE + "where: [array.rows > 99]", "holds for none of the 1 points"),
        (BASE + "set: {array.rows: [4, 8]}\nwhere: [array.rows > 4, array.rows < 8]", "they contradict"),
        (BASE + "budget: {volume: 3 mm2}", "budget: volume: no such quantity"),
        (BASE + "budget: {area: 3}", "budget: area = 3 has no unit"),
        (BASE + "budget: {power: 0 W}", "must be above 0"),
        (BASE + "policies: {prefetch: sometimes}", "policy.prefetch = 'sometimes'"),
        (BASE + "policies: {prefech: wait}", "did you mean 'prefetch'"),
        (BASE + "inputs: 0", "inputs = 0: needs a whole number above 0"),
        (BASE + "objectives: {minimise: macs}", "did you mean 'minimize'"),
        (BASE + "objectives: {minimize: latency}", "'latency': no such column; did you mean 'latency_us'"),
        (BASE + "objectives: {minimize: design}", "'design': no such column"),
        ("designs: edge_npu_16x17\ntraces: easy.parquet", "did you mean 'edge_npu_16x16'"),
        ("designs: [edge_npu_16x16, {base: cortex_m7, sett: {}}]\ntraces: easy.parquet", "sett: no such key"),
        ("designs: cortex_m7\ntraces: easy.parquet\nset: {array.rows: 8}", "has no array"),
        ("designs: edge_npu_16x16\ntraces: [easy.parquet, easy.parquet]", "the same file twice"),
        ("designs: [\n", "line 2: not YAML"),
        ("- 1", "needs a mapping"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        make_space(tmp_path, text)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="no such space file"):
        load_space(tmp_path / "none.yaml")
    file = tmp_path / "space.yaml"
    file.write_text("designs: edge_npu_16x16\ntraces: none.parquet")
    with pytest.raises(FileProblem, match=r"space.yaml: networks: .*none.parquet: no such file"):
        load_space(file)


def test_overrides_change_every_base(tmp_path: Path) -> None:
    make_trace(tmp_path)
    file = tmp_path / "space.yaml"
    file.write_text(BASE)
    assert load_space(file, {"array.rows": 4}).families[0].base.array.rows == 4  # type: ignore[union-attr]


def test_a_grid_too_large_to_walk_points_to_search(tmp_path: Path) -> None:
    axes = "set: {array.rows: 1..3000, array.cols: 1..3000, skip.group: 1..3}"
    space = make_space(tmp_path, BASE + axes)
    with pytest.raises(LacunaError, match="use lacuna search"):
        next(space.points())


def test_values_that_do_not_go_together_are_left_to_the_sweep(tmp_path: Path) -> None:
    """skip.channels = tile needs groups of two or more; the combination is a point, not an error."""
    space = make_space(tmp_path, BASE + "set: {skip.channels: [tile, compact], skip.group: [1, 4]}")
    assert space.size == 4
    with pytest.raises(ConfigError, match="needs 2 or more"):
        space.design(next(space.points()))


def test_networks_are_traces_shipped_names_and_models(tmp_path: Path) -> None:
    make_trace(tmp_path)
    (tmp_path / "t.csv").write_text("Layer, M, N, K,\na, 5, 6, 7,\n")
    file = tmp_path / "space.yaml"
    file.write_text("designs: systolic_bare\nnetworks: [resnet8_tiny, t.csv]\ntraces: easy.parquet")
    names = {ref.name: ref for ref in load_space(file).traces}
    assert list(names) == ["resnet8_tiny", "t", "easy"]
    assert len({ref.hash for ref in names.values()}) == 3
    file.write_text("designs: systolic_bare\nnetworks: [resnet8_tinny]")
    with pytest.raises(
        FileProblem, match="'resnet8_tinny': no such network or file; did you mean 'resnet8_tiny'"
    ):
        load_space(file)


def test_a_long_axis_is_tried_at_its_ends_and_between() -> None:
    """A hundred thousand designs would be built before the first is priced."""
    tried = space_axes._some(range(100_000))
    assert (len(tried), tried[0], tried[-1]) == (256, 0, 99_999)
    assert list(tried) == sorted(set(tried))
    assert space_axes._some([3, 1, 2]) == [3, 1, 2]


def test_resnet50_over_arrays_and_bandwidths_is_one_file() -> None:
    space = load_space(Path(__file__).parents[3] / "examples" / "resnet50_space.yaml")
    assert (space.size, [trace.name for trace in space.traces]) == (12, ["resnet50"])
    assert space.maximize == ()  # nobody knows what a network without a trace answers
