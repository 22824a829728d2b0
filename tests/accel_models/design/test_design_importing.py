"""Accelerators of ZigZag and Timeloop as designs: what their own examples say, and what is refused by name.

The files are those of the tools' repositories in shape and in numbers (KULeuven-MICAS/zigzag, tpu_like and
edge_tpu_like; Accelergy-Project/timeloop-accelergy-exercises, eyeriss_like and simple_weight_stationary).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from accel_models.design.design import Design
from accel_models.design.load import altered, load_design
from accel_models.design.sections import Memory
from accel_models.design.unit_sections import Array
from simulator import estimate
from tests.shared import there
from traces import ConfigError, GraphBuilder, Window

ZIGZAG = """\
name: tpu_like
memories:
  rf_128B: {size: 1024, r_bw: 8, w_bw: 8, r_cost: 0.095, w_cost: 0.095, operands: [I2], served_dimensions: []}
  rfO_2B: {size: 16, r_bw: 16, w_bw: 16, r_cost: 0.021, w_cost: 0.021, operands: [O], served_dimensions: []}
  sram_2MB: {size: 16777216, r_bw: 2048, w_bw: 2048, r_cost: 416.16, w_cost: 378.4, operands: [I1, O, S],
    served_dimensions: [D1, D2]}
  dram: {size: 10000000000, r_bw: 64, w_bw: 64, r_cost: 700, w_cost: 750, operands: [I1, I2, O, S],
    served_dimensions: [D1, D2]}
operational_array: {unit_energy: 0.04, dimensions: [D1, D2], sizes: [32, 32]}
"""
FOUR = """\
name: edge_tpu_like
memories:
  rf_1B: {size: 8, operands: [I2], served_dimensions: [D3, D4], ports: [{type: read, bandwidth_max: 8}]}
  rf_2B: {size: 16, operands: [O], served_dimensions: [D2], ports: [{type: read, bandwidth_max: 16}]}
  sram_32KB: {size: 262144, operands: [I2], served_dimensions: [D1, D2, D3, D4],
    ports: [{type: read, bandwidth_max: 512}]}
  sram_2MB: {size: 16777216, operands: [I1, O], served_dimensions: [D1, D2, D3, D4],
    ports: [{type: read, bandwidth_max: 2048}]}
  dram: {size: 10000000000, operands: [I1, I2, O], served_dimensions: [D1, D2, D3, D4],
    ports: [{type: read_write, bandwidth_max: 64}]}
operational_array: {dimensions: [D1, D2, D3, D4], sizes: [8, 8, 4, 4]}
"""
TWO_LEVELS = """\
name: ascend_like
memories:
  rf_1B: {size: 8, r_bw: 8, w_bw: 8, operands: [I2], served_dimensions: [D3, D4]}
  rf_2B: {size: 16, r_bw: 16, w_bw: 16, operands: [O], served_dimensions: [D2]}
  rf_64KB_I: {size: 65536, r_bw: 512, w_bw: 512, r_cost: 26.56, w_cost: 30.72, operands: [I1],
    served_dimensions: [D1, D2, D3, D4]}
  rf_64KB_W: {size: 65536, r_bw: 2048, w_bw: 2048, r_cost: 50.16, w_cost: 108.0, operands: [I2],
    served_dimensions: [D1, D2, D3, D4]}
  sram_256KB_O: {size: 2097152, r_bw: 2048, w_bw: 2048, r_cost: 123.2, w_cost: 212.8, operands: [O],
    served_dimensions: [D1, D2, D3, D4]}
  sram_1MB_A: {size: 8388608, r_bw: 4096, w_bw: 4096, r_cost: 465.6, w_cost: 825.6, operands: [I1, O],
    served_dimensions: [D1, D2, D3, D4]}
  sram_1MB_W: {size: 8388608, r_bw: 4096, w_bw: 4096, r_cost: 465.6, w_cost: 825.6, operands: [I2],
    served_dimensions: [D1, D2, D3, D4]}
  dram: {size: 10000000000, r_bw: 64, w_bw: 64, r_cost: 700, w_cost: 750, operands: [I1, I2, O],
    served_dimensions: [D1, D2]}
multipliers: {input_precision: [8, 8], dimensions: [D1, D2, D3, D4], sizes: [16, 16, 2, 2]}
"""
PADS = """\
name: eyeriss_like
memories:
  rf_64B_A: {size: 512, r_bw: 8, operands: [I1], served_dimensions: []}
  rf_64B_W: {size: 512, r_bw: 8, operands: [I2], served_dimensions: []}
  rf_16B: {size: 128, r_bw: 24, operands: [O], served_dimensions: []}
  sram_8KB: {size: 65536, r_bw: 128, operands: [O], served_dimensions: [D1, D2]}
  sram_64KB: {size: 524288, r_bw: 128, operands: [I2], served_dimensions: [D1, D2]}
  sram_1M: {size: 8388608, r_bw: 384, operands: [I1, O], served_dimensions: [D1, D2]}
  dram: {size: 10000000000, r_bw: 64, operands: [I1, I2, O], served_dimensions: [D1, D2]}
multipliers: {input_precision: [8, 8], dimensions: [D1, D2], sizes: [14, 12]}
"""
TIMELOOP_3 = """\
architecture:
  version: 0.3
  subtree:
    - name: system
      local:
        - {name: DRAM, class: DRAM, attributes: {type: LPDDR4, width: 64, block-size: 4, word-bits: 16}}
      subtree:
        - name: eyeriss
          local:
            - name: shared_glb
              class: smartbuffer_SRAM
              attributes: {memory_depth: 16384, memory_width: 64, n_banks: 32, word-bits: 16, read_bandwidth: 16}
          subtree:
          - name: PE[0..167]
            local:
              - {name: ifmap_spad, class: smartbuffer_RF,
                attributes: {memory_depth: 12, memory_width: 16, word-bits: 16, meshX: 14}}
              - {name: weights_spad, class: smartbuffer_RF,
                attributes: {memory_depth: 192, memory_width: 16, word-bits: 16, meshX: 14}}
              - {name: psum_spad, class: smartbuffer_RF,
                attributes: {memory_depth: 16, memory_width: 16, word-bits: 16, meshX: 14}}
              - {name: mac, class: intmac, attributes: {datawidth: 16, meshX: 14}}
"""
TIMELOOP_4 = """\
architecture:
  version: 0.4
  nodes:
  - !Component
    name: DRAM
    class: DRAM
    attributes: {width: 64, datawidth: 8}
  - !Component
    name: buffer
    class: SRAM
    attributes: {depth: 16384, width: 128, datawidth: 8}
  - !Container
    name: column
    spatial: {meshX: 16}
  - !Container
    name: PE
    spatial: {meshY: 8}
  - !Component
    name: reg
    class: regfile
    attributes: {depth: 1, width: 8, datawidth: 8}
    constraints:
      dataspace: {keep: [Weights]}
  - !Component
    name: mac
    class: intmac
    attributes: {datawidth: 8}
"""


def read(folder: Path, text: str) -> Design:
    path = folder / "their_file.yaml"
    path.write_text(text, encoding="utf-8")
    return load_design(path)


def cycles(design: Design, channels: int, filters: int) -> int:
    builder = GraphBuilder("one", channels, 30, 30)
    builder.conv("conv", builder.input, filters, Window(kernel=(3, 3), out=(28, 28)))
    return estimate(builder.finish(), design).rows[0].compute_cycles


def test_zigzag_s_tpu(tmp_path: Path) -> None:
    """2 MiB behind ports of 2048 bit, weights in 128 B of each PE, 64 bits of DRAM a cycle."""
    design = read(tmp_path, ZIGZAG)
    array, memory = design.section(Array), design.section(Memory)
    assert (design.name, array.rows, array.cols, array.dataflow) == ("tpu_like", 32, 32, "ws")
    assert (memory.activation_buffer, memory.weight_buffer) == (2 << 20, 128 * 1024)
    assert memory.shared_sums
    assert memory.ports.activation == 2 * 2048  # bit a cycle, to read and to write
    assert memory.dram.bandwidth == pytest.approx(8 * design.clock)
    prices = {price.action: price.value for price in design.technology.prices}
    assert prices["activation_sram_read_bytes"] == pytest.approx(416.16 / 256, rel=1e-4)
    assert prices["dram_write_bytes"] == pytest.approx(750 / 8)


@pytest.mark.parametrize(("filters", "ideal"), [(128, 112_896), (8, 28_224)])
def test_zigzag_s_tpu_computes_as_long_as_zigzag_says(tmp_path: Path, filters: int, ideal: int) -> None:
    """ZigZag 3.9.1, latency without stalls of a 3x3 convolution of 128 channels; fill and drain are ours."""
    assert cycles(read(tmp_path, ZIGZAG), 128, filters) == pytest.approx(ideal, rel=0.005)


def test_an_array_of_four_dimensions(tmp_path: Path) -> None:
    """edge_tpu_like: D2 adds up, D3 and D4 share weights: 8 rows, 8 columns, 16 pixels at a time."""
    design = read(tmp_path, FOUR)
    array = design.section(Array)
    assert (array.rows, array.cols, array.pixels, array.dataflow) == (8, 8, 16, "ws")
    assert array.peak_macs_per_cycle == 1024
    wide = altered(design, {"memory.ports.activation": "65536 bit"})
    assert cycles(wide, 64, 64) == pytest.approx(9 * 8 * 8 * 49, rel=0.02)  # 784 pixels in 49 steps
    assert cycles(design, 64, 64) == cycles(wide, 64, 64)  # sums stay in registers while weights change
    folds = altered(design, {"array.sum_registers": False})
    assert cycles(folds, 64, 64) > 2 * cycles(wide, 64, 64)  # else those of every fold pass the port


def test_two_levels_on_the_chip(tmp_path: Path) -> None:
    """ascend_like: 8 KiB feed the array, 2 x 1 MiB of 4096 bits a cycle stand behind; sums have 256 KiB."""
    design = read(tmp_path, TWO_LEVELS)
    array, memory = design.section(Array), design.section(Memory)
    assert (array.rows, array.cols, array.pixels, array.dataflow) == (16, 16, 4, "ws")
    sizes = memory.activation_buffer, memory.weight_buffer, memory.accumulator_buffer
    assert sizes == (8 << 10, 8 << 10, 256 << 10)
    l2 = there(memory.l2)
    assert l2.size == 2 << 20
    assert l2.bandwidth == pytest.approx(512 * design.clock)
    prices = {price.action: price.value for price in design.technology.prices}
    assert prices["l2_read_bytes"] == pytest.approx(465.6 / 512, rel=1e-4)
    assert prices["l2_write_bytes"] == pytest.approx(825.6 / 512, rel=1e-4)


def test_scratchpads_of_three_kinds_are_row_stationary(tmp_path: Path) -> None:
    """eyeriss_like: results go to where inputs lie, 1 MiB; what sums have before it is no second level."""
    design = read(tmp_path, PADS)
    array, memory = design.section(Array), design.section(Memory)
    assert array.dataflow == "rs"
    pads = there(array.scratchpads)
    assert (pads.inputs, pads.weights, pads.sums) == (64, 64, 5)
    sizes = memory.activation_buffer, memory.weight_buffer, memory.accumulator_buffer
    assert sizes == (1 << 20, 64 << 10, 8 << 10)
    assert memory.l2 is None
    assert cycles(design, 32, 32) > 0


def test_timeloop_s_second_level(tmp_path: Path) -> None:
    """A buffer of 1 MiB before that of 256 KiB: what the small one cannot keep lies there."""
    attributes = "{depth: 65536, width: 128, datawidth: 8}"
    outer = f"  - !Component\n    name: outer\n    class: SRAM\n    attributes: {attributes}\n"
    inner = "  - !Component\n    name: buffer"
    memory = read(tmp_path, TIMELOOP_4.replace(inner, outer + inner)).section(Memory)
    assert (there(memory.l2).size, memory.activation_buffer) == (1 << 20, 256 << 10)


def test_timeloop_s_eyeriss(tmp_path: Path) -> None:
    """Scratchpads of three kinds in 168 PEs on 14 columns are row stationary; one buffer of 128 KiB for all."""
    design = read(tmp_path, TIMELOOP_3)
    array, memory = design.section(Array), design.section(Memory)
    assert (array.rows, array.cols, array.dataflow) == (12, 14, "rs")
    pads = there(array.scratchpads)
    assert (pads.inputs, pads.weights, pads.sums) == (12, 192, 16)
    assert memory.activation_buffer == 128 << 10
    assert memory.shared_buffer
    assert memory.shared_sums
    assert (memory.banks, memory.activation_bits, memory.ports.activation) == (32, 16, 2 * 16 * 16)
    assert cycles(design, 32, 32) > 0


def test_timeloop_version_4(tmp_path: Path) -> None:
    design = read(tmp_path, TIMELOOP_4)
    array, memory = design.section(Array), design.section(Memory)
    assert (array.rows, array.cols, array.dataflow) == (8, 16, "ws")
    assert (memory.activation_buffer, memory.weight_buffer) == (256 << 10, 256 << 10)
    assert cycles(design, 32, 32) > 0


def test_timeloop_attributes_may_be_empty(tmp_path: Path) -> None:
    text = TIMELOOP_4.replace("    attributes: {datawidth: 8}\n", "    attributes:\n")
    assert text != TIMELOOP_4
    assert read(tmp_path, text).section(Array).rows == 8


def test_values_are_set_over_an_imported_file(tmp_path: Path) -> None:
    path = tmp_path / "their_file.yaml"
    path.write_text(ZIGZAG, encoding="utf-8")
    assert load_design(path, {"array.rows": 8}).section(Array).rows == 8


SECOND = "  sram_64KB: {size: 524288, r_bw: 64, operands: [I1], served_dimensions: [D1, D2]}\n  dram:"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ZIGZAG.replace("dimensions: [D1, D2], sizes: [32, 32]", "dimensions: [D1, D2, D3], sizes: [8, 8, 4]"),
         r"sizes = \[8, 8, 4\]: rows, columns and pixels at a time are needed"),
        (ZIGZAG.replace("  dram:", SECOND), "sram_64KB: above sram_2MB for activations; a design has one level"),
        (ZIGZAG.replace("size: 1024,", "size: 8192,").replace("size: 16,", "size: 8192,"), "nothing says the dataflow"),
        (ZIGZAG.replace("size: 16777216", "size: none"), r"sram_2MB\.size = 'none': a whole number"),
        (ZIGZAG.replace("operational_array: {", "operational_array: {is_imc: true, "), "computes inside a memory"),
        (TIMELOOP_4.replace("{keep: [Weights]}", "{keep: [Weights, Inputs]}"), "reg keeps Weights, Inputs"),
        (TIMELOOP_4.replace("class: intmac", "class: adder"), "one DRAM and one class of MACs"),
        (TIMELOOP_4.replace("depth: 16384, ", ""), "buffer: depth is missing"),
        (TIMELOOP_4.replace("meshY: 8", "meshy: 8"), "PE: meshy: no axis of a mesh; meshX and meshY are"),
        (TIMELOOP_4.replace("version: 0.4", "version: 0.9"), r"architecture.version = 0.9: one of 0\.2, 0\.3, 0\.4"),
        (TIMELOOP_4.replace("class: regfile", "class: regfile\n    sparse_optimizations: {action_optimization: []}"),
         "reg: sparse_optimizations: no design can say them"),
        (TIMELOOP_3.replace("ifmap_spad", "weights_a").replace("psum_spad", "weights_b"),
         "keeps Weights: what stays in a PE decides"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"their_file\.yaml: .*{message}"):
        read(tmp_path, text)
