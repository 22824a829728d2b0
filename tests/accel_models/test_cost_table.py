"""The table that training towards a design reads."""

import json
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

from accel_models.compiling.steps import Compiler
from accel_models.cost_table import channel_knots, computed_channels, cost_table, save_cost_table
from accel_models.design.load import load_design
from accel_models.design.sections import Skip
from traces.base.errors import ConfigError
from traces.graphs.resnets import cifar_resnet

GRAPH = cifar_resnet(8, gates="both")


def test_knots_reach_from_nothing_to_all() -> None:
    assert channel_knots(3).tolist() == [0, 1, 2, 3]
    assert channel_knots(64).tolist() == list(range(0, 65, 4))


@pytest.mark.parametrize("unit", ["cycles", "pJ"])
def test_costs_rise_with_channels_from_zero(unit: str) -> None:
    table = cost_table(GRAPH, load_design("edge_npu_16x16"), "pJ" if unit == "pJ" else "cycles")
    assert table["unit"] == unit
    ops = table["ops"]
    assert isinstance(ops, dict)
    tails = (".add", ".scale", ".scale_channels", "pool")
    merged = {name for name in GRAPH.index if name.endswith(tails)}
    assert set(ops) == set(GRAPH.index) - merged  # an output stage takes them over
    for op in GRAPH.ops:
        if op.kind == "conv":
            grid = np.array(ops[op.name]["cost"])
            assert grid[0].max() == grid[:, 0].max() == 0.0
            assert all((b >= a).all() for a, b in pairwise(grid)), op.name
            assert grid[-1, -1] > 0


def test_a_compiler_that_does_nothing_leaves_every_op_its_row() -> None:
    design = load_design("edge_npu_16x16")
    written = cost_table(GRAPH, design, "cycles", Compiler.naive())["ops"]
    compiled = cost_table(GRAPH, design, "cycles")["ops"]
    assert isinstance(written, dict)
    assert isinstance(compiled, dict)
    assert set(written) == set(GRAPH.index)
    assert _whole(compiled) < _whole(written)


def _whole(ops: dict[str, dict[str, list[list[float]]]]) -> float:
    return sum(entry["cost"][-1][-1] for entry in ops.values())


def test_training_reads_what_is_written(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from networks.training.cost_table import check_cost_table, load_cost_table  # noqa: PLC0415  (torch may be missing)

    path = tmp_path / "table.json"
    save_cost_table(GRAPH, load_design("edge_npu_16x16"), "pJ", path)
    table = load_cost_table(path)
    check_cost_table(table, set(GRAPH.index))
    name = next(op.name for op in GRAPH.ops if op.kind == "conv" and op.in_channels == 16)
    written = json.loads(path.read_text())["ops"][name]
    middle = table.interpolate(name, torch.tensor([8.0]), torch.tensor([8.0]))
    i = written["in_channels"].index(8)
    assert float(middle[0]) == pytest.approx(written["cost"][i][i])


@pytest.mark.parametrize(
    ("skip", "computed"),
    [
        (Skip(channels="none"), [0, 4, 4, 4, 4]),
        (Skip(channels="compact"), [0, 1, 2, 3, 4]),
        # Of the 6 pairs of 4 channels, 2 lie in one half: 2 * (2/6) + 4 * (4/6) = 10/3, of which 4 are computed.
        (Skip(channels="tile", group=2), [0, 2, 4, 4, 4]),
        # The last of one is at 2.5 on average, of two at 10/3, of three at 3.75.
        (Skip(channels="prefix"), [0, 3, 4, 4, 4]),
    ],
)
def test_the_table_counts_the_channels_a_design_computes(skip: Skip, computed: list[int]) -> None:
    assert computed_channels(np.arange(5), 4, skip).tolist() == computed


def test_a_group_is_computed_as_often_as_one_of_it_is_kept() -> None:
    """Against all ways to keep 3 of 12 channels in groups of 4 (the last group of 5 channels has 1)."""
    groups = [
        sum(4 * any(c // 4 == g for c in kept) for g in range(3)) for kept in combinations(range(12), 3)
    ]
    tile = Skip(channels="tile", group=4)
    assert computed_channels(np.array([3]), 12, tile).tolist() == [int(np.ceil(np.mean(groups)))]
    assert computed_channels(np.array([5]), 5, tile).tolist() == [5]


def test_gates_that_keep_aligned_groups_have_whole_groups_computed() -> None:
    kept = channel_knots(32, 8)
    assert kept.tolist() == [0, 8, 16, 24, 32]
    assert channel_knots(3, 8).tolist() == [0, 3]
    compact, own = Skip(channels="compact"), Skip(channels="tile", group=8)
    wider, narrower = Skip(channels="tile", group=16), Skip(channels="tile", group=4)
    for skip in (compact, own, narrower):
        assert computed_channels(kept, 32, skip, 8).tolist() == kept.tolist()
    # Of the 6 pairs of 4 gates' groups, 2 are one group of the design: 16 * (2/6) + 32 * (4/6) = 80/3.
    assert computed_channels(kept, 32, wider, 8).tolist() == [0, 16, 27, 32, 32]
    # The last of one group of four ends at 8 * 2.5 channels on average, of two at 8 * 10/3.
    assert computed_channels(kept, 32, Skip(channels="prefix"), 8).tolist() == [0, 20, 27, 30, 32]


def test_groups_that_lie_across_those_of_the_design_are_refused() -> None:
    design = load_design("edge_npu_16x16")
    tiled = design.model_copy(update={"skip": Skip(channels="tile", group=16)})
    with pytest.raises(
        ConfigError, match=r"group = 6: the design's skip.group = 16; one must divide the other"
    ):
        cost_table(GRAPH, tiled, "pJ", group=6)
    assert cost_table(GRAPH, design, "pJ", group=2)["ops"]  # compact: no groups of its own
    with pytest.raises(ConfigError, match="group = 0: needs at least 1 channel"):
        cost_table(GRAPH, design, "pJ", group=0)


def test_a_table_of_aligned_groups_lets_them_save_where_scattered_channels_do_not() -> None:
    design = load_design("ethos_u55_128")  # leaves out groups of 16 channels
    name = "block3.conv1"  # 64 channels
    scattered, aligned = (cost_table(GRAPH, design, "cycles", group=group)["ops"] for group in (1, 16))
    assert isinstance(scattered, dict)
    assert isinstance(aligned, dict)
    whole = aligned[name]["cost"][-1][-1]
    assert scattered[name]["cost"][-1][8] > 0.99 * whole  # half of the channels, anywhere
    assert aligned[name]["cost"][-1][2] < 0.6 * whole  # half of them, in two groups
    assert scattered[name]["cost"][-1][-1] == whole


def test_a_design_that_computes_all_channels_pays_nothing_for_leaving_some_out() -> None:
    design = load_design("edge_npu_16x16")
    whole = design.model_copy(update={"skip": Skip(channels="none")})
    ops = cost_table(GRAPH, whole, "pJ")["ops"]
    assert isinstance(ops, dict)
    for op in GRAPH.ops:
        if op.kind == "conv":
            grid = np.array(ops[op.name]["cost"])
            assert (grid[1:, 1:] == grid[-1, -1]).all(), op.name
