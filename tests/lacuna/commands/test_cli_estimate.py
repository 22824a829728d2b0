"""`lacuna estimate` and `cost-table`: every kind of network, the promised columns, SCALE-Sim's cycles."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import analysis
from tests.lacuna.lacuna_runner import Lacuna
from traces import cifar_resnet, save_graph

COLUMNS = (
    "layer, op, M, K, N, macs, compute_cycles, stall_cycles, total_cycles, utilization, sram_bytes, "
    "dram_bytes, energy_pj, batch"
)
REFERENCE = Path(analysis.__file__).parent / "validation" / "reference" / "array_scalesim.csv"
SIZES = ("ifmap_h", "ifmap_w", "filter_h", "filter_w", "channels", "num_filters", "stride")


def scale_sim_rows(dataflow: str, side: int) -> list[dict[str, str]]:
    with REFERENCE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [r for r in rows if r["dataflow"] == dataflow and r["rows"] == r["cols"] == str(side)]


@pytest.mark.parametrize("dataflow", ["ws", "os", "is"])
@pytest.mark.parametrize("side", [8, 32])
def test_the_bare_array_takes_scale_sims_cycles(
    lacuna: Lacuna, tmp_path: Path, dataflow: str, side: int
) -> None:
    """Oracle: total_cycles of SCALE-Sim v3 @1d62b68, layer by layer, from a topology as that tool reads it."""
    truth = scale_sim_rows(dataflow, side)
    assert len(truth) >= 10
    header = (
        "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,"
    )
    lines = [",".join([row["layer"], *(row[size] for size in SIZES), ""]) for row in truth]
    (tmp_path / "net.csv").write_text("\n".join([header, *lines]) + "\n")
    size = ("--set", f"array.rows={side}", "--set", f"array.cols={side}")
    ran = lacuna(
        "estimate", tmp_path / "net.csv", "-d", "systolic_bare", "--dataflow", dataflow, *size, "--json"
    )
    assert [row["total_cycles"] for row in ran.json] == [int(row["total_cycles"]) for row in truth]
    assert [row["stall_cycles"] for row in ran.json] == [0] * len(truth)


def test_a_gemm_topology_by_hand(lacuna: Lacuna, tmp_path: Path) -> None:
    """ws on 32 x 32: F = ceil(64/32) ceil(40/32) = 4 folds of 2 x 32 + 32 + 10 - 2 = 104 cycles, less one."""
    (tmp_path / "gemm.csv").write_text("Layer, M, N, K,\none, 10, 40, 64,\n")
    (row,) = lacuna("estimate", tmp_path / "gemm.csv", "-d", "systolic_bare", "--json").json
    assert (row["M"], row["K"], row["N"], row["macs"]) == (10, 64, 40, 25600)
    assert row["total_cycles"] == 4 * 104 - 1


def test_the_csv_has_the_promised_columns(lacuna: Lacuna, tmp_path: Path) -> None:
    out = tmp_path / "table.csv"
    ran = lacuna("estimate", "resnet8_tiny", "-d", "edge_npu_16x16", "--out", out)
    assert ran.code == 0
    assert str(out) in ran.out
    text = out.read_text("utf-8")
    assert text.splitlines()[0] == COLUMNS.replace(" ", "") + ",network,design,command"
    rows = list(csv.DictReader(text.splitlines()))
    listed = lacuna("estimate", "resnet8_tiny", "-d", "edge_npu_16x16", "--json").json
    assert [list(row.values())[:-1] for row in rows] == [
        [str(value) for value in row.values()] for row in listed
    ]
    for row in listed:
        assert row["total_cycles"] == row["compute_cycles"] + row["stall_cycles"]


def test_what_is_no_matrix_product_is_not_free(lacuna: Lacuna) -> None:
    rows = lacuna("estimate", "resnet8_tiny", "-d", "cortex_m4", "--json").json
    for kind in ("add", "global_avg_pool", "softmax"):
        chosen = [row for row in rows if row["op"] == kind]
        assert chosen
        assert all(row["total_cycles"] > 0 and row["energy_pj"] > 0 and row["macs"] == 0 for row in chosen)


@pytest.mark.parametrize("network", ["resnet8_tiny", "mobilenetv1_025_96", "dscnn_kws", "fc_autoencoder"])
@pytest.mark.parametrize("design", ["cortex_m4", "ethos_u55_128_like"])
def test_shipped_networks_on_a_core_and_an_array(lacuna: Lacuna, network: str, design: str) -> None:
    rows = lacuna("estimate", network, "-d", design, "--json").json
    assert sum(row["macs"] for row in rows) > 1e5
    assert all(0 <= row["utilization"] <= 1 for row in rows)


def test_a_trace_and_a_graph_are_networks_too(lacuna: Lacuna, trace: Path, tmp_path: Path) -> None:
    save_graph(cifar_resnet(8, "both"), tmp_path / "net.json")
    from_graph = lacuna("estimate", tmp_path / "net.json", "-d", "edge_npu_16x16", "--json").json
    from_trace = lacuna("estimate", trace, "-d", "edge_npu_16x16", "--json").json
    assert from_graph == from_trace


def test_an_onnx_file_is_a_network_too(lacuna: Lacuna, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weights = helper.make_tensor("w", kind, [4, 3, 3, 3], [0.0] * 108)
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="c", pads=[1, 1, 1, 1])
    graph = helper.make_graph(
        [node],
        "tiny",
        [helper.make_tensor_value_info("x", kind, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", kind, [1, 4, 8, 8])],
        [weights],
    )
    onnx.save(helper.make_model(graph), tmp_path / "tiny.onnx")
    (row,) = lacuna("estimate", tmp_path / "tiny.onnx", "-d", "edge_npu_16x16", "--json").json
    assert (row["M"], row["K"], row["N"], row["macs"]) == (64, 27, 4, 64 * 27 * 4)


def test_the_last_set_wins_and_dataflow_is_short_for_it(lacuna: Lacuna) -> None:
    short = lacuna("estimate", "resnet8_tiny", "-d", "systolic_bare", "--dataflow", "os", "--json").json
    long = lacuna(
        "estimate", "resnet8_tiny", "-d", "systolic_bare",
        "--set", "array.dataflow=is", "--set", "array.dataflow=os", "--json",
    ).json  # fmt: skip
    assert short == long
    assert short != lacuna("estimate", "resnet8_tiny", "-d", "systolic_bare", "--json").json


@pytest.mark.parametrize("width", [80, 120])
def test_no_column_falls_off_a_narrow_terminal(lacuna: Lacuna, width: int) -> None:
    ran = lacuna("estimate", "mobilenetv1_025_96", "-d", "edge_npu_16x16", width=width)
    assert max(map(len, ran.out.splitlines())) <= width
    assert "…" not in ran.out
    for head in ("layer", "MACs", "compute", "stall", "total cycles", "used", "DRAM B", "uJ"):
        assert head in ran.out


def test_a_cost_table_is_json_that_training_reads(lacuna: Lacuna, tmp_path: Path) -> None:
    out = tmp_path / "costs.json"
    ran = lacuna("cost-table", "resnet8_tiny", "-d", "edge_npu_16x16", "--unit", "cycles", "--out", out)
    assert ran.code == 0, ran.err
    assert json.loads(out.read_text("utf-8"))["unit"] == "cycles"


def test_a_network_without_a_trace_replays_and_says_that_nobody_knows_its_accuracy(
    lacuna: Lacuna, tmp_path: Path
) -> None:
    (tmp_path / "g.csv").write_text("Layer, M, N, K,\na, 5, 6, 7,\n")
    ran = lacuna("replay", tmp_path / "g.csv", "-d", "systolic_bare", "--out", tmp_path / "out", "--json")
    assert ran.json["accuracy"] is None
    assert ran.json["macs"] == 5 * 6 * 7


def test_a_batch_is_said_with_its_share(lacuna: Lacuna, tmp_path: Path) -> None:
    (tmp_path / "g.csv").write_text("Layer, M, N, K, Batch Size,\na, 5, 6, 7, 4,\n")
    said = lacuna("estimate", tmp_path / "g.csv", "-d", "systolic_bare").out
    assert "total of 4 inputs: 840 MACs" in said
    assert "per input: 210 MACs" in said
    (row,) = lacuna("estimate", tmp_path / "g.csv", "-d", "systolic_bare", "--batch", "2", "--json").json
    assert (row["batch"], row["M"], row["macs"]) == (2, 10, 420)
