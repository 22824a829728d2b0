"""Does the static table say what its parts say?"""

from __future__ import annotations

import csv
import io

import pytest

from accel_models.design.load import load_design
from simulator import estimate, replay
from traces.base.errors import UnsupportedError
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.resnets import cifar_resnet
from traces.trace import open_trace


def test_systolic_bare_by_hand() -> None:
    """ws, serial: ceil(K / R) ceil(N / C) (2R + C + M - 2) cycles of one convolution."""
    builder = GraphBuilder("one", 3, 8, 8)
    builder.conv("conv", builder.input, 40, Window.square(3))
    design = load_design("systolic_bare", {"array.rows": 16, "array.cols": 8, "array.dataflow": "ws"})
    (row,) = estimate(builder.finish(), design).rows
    assert (row.M, row.K, row.N, row.macs) == (64, 27, 40, 64 * 27 * 40)
    assert row.compute_cycles == row.total_cycles
    assert row.total_cycles in {
        2 * 5 * (32 + 8 + 64 - 2),
        2 * 5 * (32 + 8 + 64 - 2) - 1,
    }  # SCALE-Sim's last index
    assert row.utilization == pytest.approx(row.macs / (16 * 8 * row.total_cycles))


def test_a_table_in_csv_holds_the_rows() -> None:
    table = estimate(cifar_resnet(8), load_design("edge_npu_16x16"))
    rows = list(csv.DictReader(io.StringIO(table.to_csv())))
    assert [row["layer"] for row in rows] == [op.name for op in cifar_resnet(8)]
    assert [int(row["total_cycles"]) for row in rows] == [row.total_cycles for row in table.rows]
    assert list(rows[0]) == [*table.to_records()[0], "command"]


@pytest.mark.parametrize("design", ["edge_npu_16x16", "eyeriss", "cortex_m4"])
def test_ops_one_by_one_take_no_less_than_their_replay(design: str) -> None:
    """A schedule only overlaps what the table adds up; each op takes at least what its unit works."""
    graph = cifar_resnet(8)
    table = estimate(graph, load_design(design))
    latency = int(replay(open_trace(graph), load_design(design), explain=False).per_input.latency_cycles[0])
    assert latency <= sum(row.total_cycles for row in table.rows)
    assert all(row.total_cycles == row.compute_cycles + row.stall_cycles for row in table.rows)
    assert all(row.stall_cycles >= 0 for row in table.rows)


@pytest.mark.parametrize(
    "design", ["edge_npu_16x16", "ethos_u55_128_like", "gemmini_16x16", "eyeriss", "cortex_m4"]
)
@pytest.mark.parametrize(
    ("channels", "size", "kernel", "out"), [(3, 32, 3, 16), (64, 28, 3, 64), (256, 14, 1, 512)]
)
def test_one_op_takes_what_its_replay_takes(
    design: str, channels: int, size: int, kernel: int, out: int
) -> None:
    """With nothing else on the machine the table and the schedule are the same arithmetic, to the cycle."""
    builder = GraphBuilder("one", channels, size, size)
    builder.conv("conv", builder.input, out, Window.square(kernel))
    graph = builder.finish()
    (row,) = estimate(graph, load_design(design)).rows
    replayed = replay(open_trace(graph), load_design(design), explain=False)
    assert row.total_cycles == int(replayed.per_input.latency_cycles[0])


def test_what_does_not_fit_is_said() -> None:
    small = {"memory.weight_buffer": "256 B", "memory.banks": 1, "array.rows": 32, "array.cols": 32}
    with pytest.raises(UnsupportedError, match=r"needs 512 B of the weight buffer, 256 B are free"):
        estimate(cifar_resnet(8), load_design("edge_npu_16x16", small))


def test_a_name_that_a_spreadsheet_would_compute_is_written_as_text() -> None:
    builder = GraphBuilder("one", 3, 8, 8)
    builder.conv("=HYPERLINK(1)", builder.input, 4, Window.square(3))
    table = estimate(builder.finish(), load_design("cortex_m4"))
    (row,) = csv.DictReader(table.to_csv().splitlines())
    assert row["layer"] == "'=HYPERLINK(1)"
    assert int(row["total_cycles"]) == table.rows[0].total_cycles
    assert table.rows[0].layer == "=HYPERLINK(1)"
