"""Configurations of SCALE-Sim as designs; the file is its configs/scale.cfg in shape (scalesim-project/SCALE-Sim)."""

from __future__ import annotations

from pathlib import Path

import pytest

from accel_models.design.load import load_design
from accel_models.design.sections import Memory
from accel_models.design.unit_sections import Array
from simulator import estimate
from traces import ConfigError, FileProblem, GraphBuilder

CFG = """\
[general]
run_name = scale_example_run

[architecture_presets]
ArrayHeight:    8
ArrayWidth:     4
IfmapSramSzkB:    64
FilterSramSzkB:   64
OfmapSramSzkB:    64
IfmapOffset:    0
FilterOffset:   10000000
OfmapOffset:    20000000
Bandwidth : 10
Dataflow : ws
MemoryBanks: 1

[sparsity]
SparsitySupport : false

[run_presets]
InterfaceBandwidth: CALC
"""


def _file(folder: Path, text: str) -> Path:
    path = folder / "scale.cfg"
    path.write_text(text)
    return path


def test_calc_is_the_array_alone(tmp_path: Path) -> None:
    design = load_design(_file(tmp_path, CFG))
    array = design.section(Array)
    assert (array.rows, array.cols, array.dataflow) == (8, 4, "ws")
    assert design.memory is None


def test_cycles_of_one_product(tmp_path: Path) -> None:
    """M 1, K 16, N 8 on 8 x 4, ws: 2 x 2 folds of 2 * 8 + 4 + 1 - 2 = 19 cycles; SCALE-Sim prints one less."""
    builder = GraphBuilder("one", 16, 1, 1)
    builder.linear("fc", builder.input, 8)
    design = load_design(_file(tmp_path, CFG))
    assert estimate(builder.finish(), design).rows[0].compute_cycles == 4 * 19 - 1


def test_user_bandwidth_gives_buffers_and_a_dram(tmp_path: Path) -> None:
    design = load_design(_file(tmp_path, CFG.replace("CALC", "USER")))
    assert design.section(Memory).activation_buffer == 64 * 1024


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("SparsitySupport : false", "SparsitySupport : true", "sparsitysupport"),
        ("MemoryBanks: 1", "MemoryBanks: 4", "memorybanks"),
        ("Dataflow : ws", "Dataflow : rs", "dataflow = 'rs'"),
        ("ArrayHeight:    8", "ArrayHeight:    -8", "arrayheight = '-8'"),
        ("ArrayHeight:    8", "ArrayHight: 8", "did you mean 'arrayheight'"),
        ("CALC", "MAYBE", "CALC or USER"),
        (
            "InterfaceBandwidth",
            "InterfaceBandwith",
            "run_presets.interfacebandwith: cannot be said here; did you mean",
        ),
        ("[sparsity]", "[sparse]", "[sparse]: cannot be said here; did you mean 'sparsity'"),
        ("SparsitySupport : false", "Block: 8", "sparsity.block: cannot be said here"),
        ("[general]", "general", "no configuration of SCALE-Sim"),
    ],
)
def test_what_no_design_says_is_refused_by_name(tmp_path: Path, old: str, new: str, named: str) -> None:
    with pytest.raises(ConfigError, match=r"scale\.cfg") as caught:
        load_design(_file(tmp_path, CFG.replace(old, new)))
    assert named in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "scale.cfg"
    path.write_text(CFG, encoding="utf-8-sig")
    assert load_design(path).section(Array).rows == 8


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="no such design file"):
        load_design(tmp_path / "none.cfg")


def test_a_section_named_in_a_value_alone_is_no_section(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no section \[architecture_presets\]"):
        load_design(_file(tmp_path, "[general]\nrun_name = x [architecture_presets]\n"))
