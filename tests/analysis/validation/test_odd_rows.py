"""`lacuna validate --rows` on odd cells: what cannot be meant is told by its column, never priced as something else."""

from __future__ import annotations

import pytest

from analysis.validation.reference_rows import Row, reference_rows
from analysis.validation.row_kinds import row_kind
from analysis.validation.rows.kind import NotCovered, Outcome, Pair, Skipped, number, whole
from analysis.validation.rows.ops import row_op
from analysis.validation.rows.tables import design_of
from traces.base.errors import ConfigError


def score_outcomes(kind: str, rows: list[Row]) -> list[Outcome]:
    found = list(row_kind(kind).evaluate(rows))
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize("column", ["C", "P", "stride"])
@pytest.mark.parametrize("kind", ["gemmini_firesim", "gemmini_firesim_mapping"])
def test_a_layer_too_large_to_follow_skips_its_row_alone(kind: str, column: str) -> None:
    """Followed block by block, it would take hours; the layers beside it are compared."""
    rows = reference_rows("gemmini_firesim")[7:9]
    good, bad = score_outcomes(kind, [rows[0], {**rows[1], column: "999999999"}])
    assert isinstance(good, Pair)
    assert isinstance(bad, Skipped)


def test_a_mapping_into_too_many_tiles_skips_its_row_alone() -> None:
    """Every loop outside: as many tiles as MACs."""
    rows = reference_rows("gemmini_firesim")[7:9]
    tiny = "L3[WIO] K512 C128 Q28 P28 - L2[WI] N1 - L1[O] N1 - L0[W] N1"
    good, bad = score_outcomes("gemmini_firesim_mapping", [rows[0], {**rows[1], "mapping": tiny}])
    assert isinstance(good, Pair)
    assert isinstance(bad, Skipped)
    assert "tiles of its mapping" in bad.reason


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("ifm_dtype", "Int16"),
        ("ofm_dtype", "Float32"),
        ("ifm_memory", "flash"),
        ("ifm_h", "3.5"),
        ("row", ""),
    ],
)
def test_an_op_of_vela_that_names_what_nobody_knows_says_so(column: str, cell: str) -> None:
    """No unknown word is priced as the usual one, and the reason names the column."""
    row = reference_rows("vela_ops")[0]
    (skipped,) = score_outcomes("vela_ops", [{**row, column: cell}])
    assert isinstance(skipped, Skipped)
    assert skipped.reason.startswith(column)


def test_parts_by_the_number_on_the_package() -> None:
    """A table that names the part, not its family: an RA6M4 is not just any Cortex-M33."""
    parts = {"R7FA6M4AF3CFB": "ra6m4", "R7FA8D1BHECBD": "ra8d1", "CY8C624ABZI": "psoc62"}
    assert {part: design_of(part, "Arm Cortex-M33") for part in parts} == parts


@pytest.mark.parametrize(
    ("board", "core", "design"),
    [
        ("NUCLEO-L4R5ZI", "Arm Cortex-M4", "stm32l4r5"),
        ("NUCLEO-H7A3ZI-Q", "Arm® Cortex®-M7", "stm32h7a3"),
        ("Nucleo H743", "Cortex-M7", "stm32h747"),
        ("NUCLEO-U385RG-Q", "Cortex-M33", "stm32u385"),
        ("B-U585I-IOT02A", "Cortex-M33", "stm32u575"),
        ("NUCLEO-G0B1RE", "Cortex-M0+", "stm32g0b1"),
        ("DISCO-F746NG", "Cortex-M7", "stm32f746"),
        ("CY8CKIT-062S2-43012", "Cortex-M4", "psoc62"),
        ("Apollo 510 EVB", "Cortex M55", "apollo510"),
        ("nRF5340 DK", "Cortex M33", "cortex_m33"),
        ("B-L475E-IOT01A", "Cortex-M4", "cortex_m4"),
    ],
)
def test_a_board_is_called_by_its_chip(board: str, core: str, design: str) -> None:
    assert design_of(board, core) == design


@pytest.mark.parametrize("cell", ["1_000", "\u0663", "1,5", "0x10", "1 ms"])
def test_a_number_is_written_in_plain_digits(cell: str) -> None:
    """What Python reads as a number, and a person may not have meant as one."""
    with pytest.raises(ConfigError, match=r"a = .*must be a number"):
        number({"a": cell}, "a")


@pytest.mark.parametrize("cell", ["3.5", "1e30", "-2", "", "three"])
def test_a_size_is_a_whole_number(cell: str) -> None:
    """Three and a half channels are not three."""
    with pytest.raises((ConfigError, NotCovered), match=r"in_c"):
        whole({"in_c": cell}, "in_c")
    assert whole({"in_c": "3.0"}, "in_c") == 3


@pytest.mark.parametrize("column", ["rows", "cols", "commands"])
def test_a_train_of_commands_too_long_to_follow_is_skipped(column: str) -> None:
    row = reference_rows("gemmini_dma_rtl")[0]
    known, long = score_outcomes("gemmini_dma", [row, {**row, column: "999999999"}])
    assert isinstance(known, Pair)
    assert isinstance(long, Skipped)
    assert "row behind row" in long.reason


def test_a_batch_that_no_memory_holds_is_skipped() -> None:
    row = {
        "accelerator": "Eyeriss v1",
        "network": "AlexNet",
        "layer": "CONV3",
        "cycles": "1",
        "energy_uJ": "1",
    }
    for kind in ("eyeriss", "eyeriss_energy"):
        four, many = score_outcomes(kind, [{**row, "batch": "4"}, {**row, "batch": "999999999"}])
        assert isinstance(four, Pair)
        assert isinstance(many, Skipped)
        assert many.reason.startswith("batch")


def test_a_precision_that_no_set_knows_is_skipped() -> None:
    row = next(row for row in reference_rows("mlperf_tiny") if row["precision"] == "int8")
    known, unknown = score_outcomes("mlperf_tiny", [row, {**row, "precision": "fp16"}])
    assert isinstance(known, Pair)
    assert isinstance(unknown, Skipped)
    assert "fp16" in unknown.reason


@pytest.mark.parametrize(
    ("place", "word", "groups"), [("1", "conv", 1), ("2", "dw", 8), ("3", "pw", 1), ("2", "pw", 1)]
)
def test_a_layer_by_its_number_is_of_its_type(place: str, word: str, groups: int) -> None:
    """Numbered from 1 or from 0, a depthwise layer is never taken for the 1x1 convolution beside it."""
    op = row_op({"layer": place, "type": word, "in_h": "", "network": "MobileNetV1_0.25_160"})
    assert (op.groups, op.groups > 1) == (groups, word == "dw")
