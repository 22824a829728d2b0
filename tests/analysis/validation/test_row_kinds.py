"""`lacuna validate --rows`: the kinds of rows, what is skipped and why, and the scores by hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from analysis.validation.reference_rows import Row, reference_rows
from analysis.validation.row_kinds import ROW_KINDS, row_kind
from analysis.validation.rows.kind import (
    NotCovered,
    Outcome,
    Pair,
    RowKind,
    Skipped,
    each,
    number,
    read_measured_rows,
    score_rows,
)
from analysis.validation.rows.ops import layer_op
from analysis.validation.rows.tables import mlperf_row
from tests.shared import there
from traces.base.errors import ConfigError, FileProblem

REFERENCE = Path(__file__).parents[3] / "analysis" / "validation" / "reference"
# Kind by a shipped file that has its columns, and how many of its rows are compared.
FILES = [
    ("scalesim", "array_scalesim", 378),
    ("zigzag_density", "zigzag_density", 20),
    ("gemmini_conv", "gemmini_conv_rtl", 27),
    ("gemmini_dma", "gemmini_dma_rtl", 360),
    ("gemmini_firesim", "gemmini_firesim", 47),
    ("gemmini_firesim_repeats", "gemmini_firesim_repeats", 47),
    ("gemmini_dynamic", "gemmini_dynamic_rtl", 278),
    ("gemmini_dynamic_inputs", "gemmini_dynamic_inputs", 300),
    ("mlperf_tiny", "mlperf_tiny", 120),
    ("mlperf_tiny_energy", "mlperf_tiny", 63),
    ("dpacs", "dpacs_fpga", 18),
    ("vela_ops", "vela_ops", 1174),
    ("vela_ops_npu", "vela_ops", 1174),
    ("vela_networks", "vela_networks", 36),
]


CELLS = ("", "words", "0", "-1", "nan", "1e30")


def _predict(row: dict[str, str]) -> tuple[float, float]:
    if row["b"] == "no":
        raise NotCovered("not ours")
    return number(row, "a"), number(row, "b")


TINY = RowKind(
    what="pairs",
    columns=("a", "b"),
    evaluate=each(_predict, label=lambda r: r["a"], group=lambda r: r["g"]),
)


def test_scores_by_hand() -> None:
    rows = [
        {"a": "10", "b": "11", "g": "x"},
        {"a": "10", "b": "8", "g": "x"},
        {"a": "10", "b": "13", "g": "y"},
        {"a": "10", "b": "no", "g": "y"},
        {"a": "10", "b": "wrong", "g": "y"},
        {"a": "", "b": "1", "g": "y"},
    ]
    found = score_rows(TINY, rows)
    overall = there(found.overall)
    assert overall.rows == 3
    assert [overall.mean, overall.median, overall.worst] == pytest.approx([0.2, 0.2, 0.3])
    assert {name: group.rows for name, group in found.groups.items()} == {"x": 2, "y": 1}
    assert [skip.reason for skip in found.skipped] == ["not ours", "b = 'wrong': must be a number", "no a"]


def test_nothing_to_compare_has_no_errors() -> None:
    found = score_rows(TINY, [{"a": "1", "b": "no", "g": "x"}])
    assert found.overall is None
    assert not found.groups
    assert len(found.skipped) == 1


@pytest.mark.parametrize(("kind", "file", "compared"), FILES)
def test_a_shipped_file_is_compared_whole(kind: str, file: str, compared: int) -> None:
    path = REFERENCE / f"{file}.csv"
    rows = read_measured_rows(path, ROW_KINDS[kind])
    outcomes = ROW_KINDS[kind].evaluate(rows)
    assert len(outcomes) == len(rows)
    assert sum(isinstance(outcome, Pair) for outcome in outcomes) == compared
    assert all(outcome.reason for outcome in outcomes if isinstance(outcome, Skipped))


@pytest.mark.parametrize(("kind", "file", "compared"), FILES)
def test_a_cell_that_says_nothing_skips_its_row_alone(kind: str, file: str, compared: int) -> None:
    """Every column that is read, in turn: blank, words, zero, no number, beyond every size; a row beside them stays."""
    del compared
    entry = ROW_KINDS[kind]
    seen = ROW_KINDS["vela_ops"].columns if kind == "vela_ops_npu" else ()  # one function reads both
    good, bad = islice(_compared(entry, read_measured_rows(REFERENCE / f"{file}.csv", entry)), 2)
    cells = [(column, cell) for column in entry.columns if column not in seen for cell in CELLS]
    first, *others = score_outcomes(entry, [good, *({**bad, column: cell} for column, cell in cells)])
    assert isinstance(first, Pair)
    for cell, other in zip(cells, others, strict=True):
        assert isinstance(other, Skipped) or other.predicted >= 0, cell


def _compared(kind: RowKind, rows: list[Row]) -> Iterator[Row]:
    return (row for row in rows if isinstance(kind.evaluate([row])[0], Pair))


def score_outcomes(kind: RowKind, rows: list[Row]) -> list[Outcome]:
    found = list(kind.evaluate(rows))
    assert len(found) == len(rows)
    return found


def test_eyeriss_knows_the_layers_of_both_networks() -> None:
    row = {"accelerator": "Eyeriss v1", "batch": "3", "network": "VGG-16", "layer": "CONV1-2", "cycles": "1"}
    (pair,) = ROW_KINDS["eyeriss"].evaluate([row])
    assert isinstance(pair, Pair)
    assert pair.predicted > 3 * 224 * 224 * 9 * 64 * 64 / 168
    (skipped,) = ROW_KINDS["eyeriss"].evaluate([{**row, "layer": "CONV1-3"}])
    assert isinstance(skipped, Skipped)


def test_a_missing_column_names_all_that_are_needed(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("C,K\n1,2\n", "utf-8")
    with pytest.raises(FileProblem, match=r"no column latency_cycles; needed are C, K, latency_cycles"):
        read_measured_rows(path, ROW_KINDS["zigzag_density"])
    path.write_text("", "utf-8")
    with pytest.raises(FileProblem, match="no column C, K, latency_cycles"):
        read_measured_rows(path, ROW_KINDS["zigzag_density"])
    with pytest.raises(FileProblem, match="no such file"):
        read_measured_rows(tmp_path / "none.csv", ROW_KINDS["zigzag_density"])


def test_a_file_may_lack_columns_that_say_nothing(tmp_path: Path) -> None:
    """A chip's row without submitter, supply, notes: the cells are empty, and its latency is predicted all the same."""
    path = tmp_path / "rows.csv"
    path.write_text(
        "soc,cpu_core,freq_mhz,software,benchmark,latency_ms\n"
        "STM32L4R5ZIT6U,Arm Cortex-M4,120,X-CUBE-AI v7.3.0,IC,219.3\n",
        "utf-8",
    )
    (row,) = read_measured_rows(path, ROW_KINDS["mlperf_tiny"])
    assert not row["notes"]
    (pair,) = ROW_KINDS["mlperf_tiny"].evaluate([row])
    assert isinstance(pair, Pair)
    path.write_text("soc,cpu_core,freq_mhz,software,latency_ms\n", "utf-8")
    with pytest.raises(FileProblem, match="no column benchmark; needed are soc, cpu_core"):
        read_measured_rows(path, ROW_KINDS["mlperf_tiny"])


def test_a_row_says_how_many_cores_worked() -> None:
    """By a column of cores or threads, or before the core's name: four cores of an A55 gain 2 to 2.8."""
    entry = ROW_KINDS["cortexm"]
    row = dict.fromkeys(entry.columns, "") | {
        "device": "board",
        "core": "Cortex-A55",
        "freq_mhz": "1800",
        "software": "TFLite (XNNPACK)",
        "network": "MobileNetV2_1.0_224 ImageNet",
        "type": "network",
        "cycles": "1",
    }
    several = [row, {**row, "cores": "4"}, {**row, "threads": "4"}, {**row, "core": "4x Cortex-A55"}]
    one, *four = (pair.predicted for pair in score_outcomes(entry, several) if isinstance(pair, Pair))
    assert four == [four[0]] * 3
    assert 2 < one / four[0] < 2.8


@pytest.mark.parametrize(
    ("word", "kind", "kernel", "out", "inputs"),
    [
        ("MAX_POOL_2D", "max_pool", 3, 13, 1),
        ("RELU", "activation", 1, 25, 1),
        ("MUL", "mul", 1, 25, 2),
        ("MEAN", "global_avg_pool", 1, 1, 1),
        ("DEPTHWISE_CONV_2D", "conv", 3, 13, 1),
    ],
)
def test_a_layer_by_the_word_for_it(word: str, kind: str, kernel: int, out: int, inputs: int) -> None:
    """3x3 windows of stride 2 over 25 x 25 pixels where the word means one; the same padding."""
    stride = "2" if kernel == 3 else "1"
    row = {"layer": "1", "type": word, "in_h": "25", "in_c": "8", "k": "3", "stride": stride, "out_c": "8"}
    op = layer_op(row)
    assert (op.kind, op.kernel_width, op.out_width, len(op.inputs)) == (kind, kernel, out, inputs)


def test_a_window_that_is_not_square() -> None:
    """The first layer of DS-CNN: 10 x 4 taps, every other pixel of 49 x 10."""
    row = {"layer": "0", "type": "CONV_2D", "in_h": "49", "in_w": "10", "in_c": "1", "out_c": "64"}
    op = layer_op({**row, "k": "10x4", "stride": "2"})
    assert (op.kernel_height, op.kernel_width, op.out_height, op.out_width) == (10, 4, 25, 5)
    op = layer_op({**row, "k": "3", "stride": "2x1"})
    assert (op.kernel_height, op.kernel_width, op.out_height, op.out_width) == (3, 3, 25, 10)


def test_a_dataflow_in_capitals_is_the_same() -> None:
    row = reference_rows("array_scalesim")[0]
    for kind in ("scalesim", "scalesim_accesses"):
        small, capital = score_outcomes(row_kind(kind), [row, {**row, "dataflow": row["dataflow"].upper()}])
        assert isinstance(small, Pair)
        assert isinstance(capital, Pair)
        assert capital.predicted == small.predicted


def test_stacks_that_remove_dead_channels_are_known_without_being_told() -> None:
    """The rule from names gives what the shipped table states, row by row; elsewhere nothing is removed."""
    rows = [
        row for row in reference_rows("mlperf_tiny") if not row["accelerator"] and row["benchmark"] != "SWW"
    ]
    silent = [{**row, "dead_channel_removal_inferred": ""} for row in rows]
    told = [mlperf_row(row)["network"] for row in rows]
    assert [mlperf_row(row)["network"] for row in silent] == told
    assert "VWW live" in told
    onnc = {**silent[0], "software": "ONNC v1.1", "benchmark": "VWW"}
    assert mlperf_row(onnc)["network"] == "VWW live"
    assert mlperf_row({**onnc, "dead_channel_removal_inferred": "unknown"})["network"] == "VWW"
    for stack in ("STEdgeAI-Core 2.0", "ST Edge AI"):
        assert mlperf_row({**onnc, "software": stack})["network"] == "VWW live"
    for stack in ("X-CUBE-AI", "Plumerai Inference Engine", "ONNC"):  # of a version that is not said
        assert mlperf_row({**onnc, "software": stack})["network"] == "VWW"


def test_a_file_of_a_spreadsheet_begins_with_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("C,K,latency_cycles\n64,64,34560\n", "utf-8-sig")
    (row,) = read_measured_rows(path, ROW_KINDS["zigzag_density"])
    assert row["C"] == "64"


def test_an_unknown_kind_offers_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'mlperf_tiny'"):
        row_kind("mlperf")


@pytest.mark.parametrize("cell", ["nan", "inf", "-inf", "1e400", "0", "-1", "x" * 4000, "\x1b[2J"])
def test_a_cell_that_is_no_number_skips_its_row(cell: str) -> None:
    score = score_rows(TINY, [{"a": cell, "b": "2", "g": "x"}, {"a": "2", "b": "3", "g": "x"}])
    overall = there(score.overall)
    assert (overall.rows, overall.worst) == (1, 0.5)
    (skipped,) = score.skipped
    assert skipped.reason.startswith("a = ")
    assert len(skipped.reason) < 500
    assert skipped.reason.isprintable()


def test_a_row_that_needs_another_is_skipped_alone(tmp_path: Path) -> None:
    lines = (REFERENCE / "dpacs_fpga.csv").read_text().splitlines()
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([*lines[:3], "resnet18,serial,2:-25,1"]))
    kind = row_kind("dpacs")
    found = score_rows(kind, read_measured_rows(path, kind))
    assert [skip.reason[:12] for skip in found.skipped] == ["the dense ne", "a cell does "]
    assert there(found.overall).rows == 1
