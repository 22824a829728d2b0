"""Software sets: complete for every instruction set, ordered as stacks are, errors that help."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from accel_models.design.load import load_design
from accel_models.units.simd.software import ISAS, load_software, software_names
from accel_models.units.simd.unit import core_of, simd_cycles
from accel_models.work.shapes import shapes_of
from analysis.validation.simd.mobilenets import mobilenet_v1, mobilenet_v2
from simulator import estimate
from traces.base.errors import ConfigError
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.named import load_network

MICROCONTROLLERS = ("cortex_m0plus", "cortex_m4", "cortex_m33", "cortex_m7", "cortex_m55", "cortex_m85")
CORES = (*MICROCONTROLLERS, "cortex_a53", "cortex_a55", "cortex_a72", "rvv_core")
NETWORKS = ("resnet8_tiny", "mobilenetv1_025_96", "dscnn_kws", "fc_autoencoder")


def cycles(design: str, network: str, software: str) -> int:
    chip = load_design(design, {"software": software})
    return sum(op.total_cycles for op in estimate(load_network(network), chip).rows)


@pytest.mark.parametrize("name", software_names())
def test_every_set_is_complete_on_every_instruction_set(name: str) -> None:
    for isa in ISAS:
        assert load_software(name, isa).op_instructions > 0


@pytest.mark.parametrize("design", CORES)
@pytest.mark.parametrize("network", NETWORKS)
def test_better_software_is_faster_on_every_core(design: str, network: str) -> None:
    names = ("tuned_2023", "tuned_2022", "tuned_2021", "reference")
    order = [cycles(design, network, name) for name in names]
    assert order == sorted(order)
    assert cycles(design, network, "tuned") < cycles(design, network, "reference")


@pytest.mark.parametrize("network", NETWORKS)
def test_reference_kernels_are_two_to_five_times_slower_on_cortex_m4(network: str) -> None:
    """TFLM's reference kernels against stacks of 2023, MLPerf Tiny on STM32L4R5: 4.2, 6.8, 4.2 and 2.1 times."""
    assert 2.0 < cycles("cortex_m4", network, "reference") / cycles("cortex_m4", network, "tuned_2023") < 5.0


@pytest.mark.parametrize(
    ("slower", "faster"),
    [
        ("cortex_m0plus", "cortex_m4"),
        ("cortex_m4", "cortex_m33"),
        ("cortex_m33", "cortex_m7"),
        ("cortex_m7", "cortex_m55"),
        ("cortex_m55", "cortex_m85"),
        ("cortex_a53", "cortex_a55"),
    ],
)
def test_a_newer_core_needs_fewer_cycles(slower: str, faster: str) -> None:
    assert cycles(faster, "resnet8_tiny", "tuned") < cycles(slower, "resnet8_tiny", "tuned")


@pytest.mark.parametrize("design", CORES)
def test_a_design_runs_at_any_clock(design: str) -> None:
    """Ten times the clock is faster, but no more than ten times: memory and dispatch take their time in seconds."""
    settings = ({"clock": clock, "software": "tuned"} for clock in ("40 MHz", "400 MHz"))
    tables = [estimate(load_network("dscnn_kws"), load_design(design, each)) for each in settings]
    slow, fast = (sum(op.total_cycles for op in table.rows) for table in tables)
    ratio = fast / slow
    assert 1.0 <= ratio < 10.0


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match=r"software = 'tunned': no such software set; did you mean 'tuned'\?"
    ):
        load_software("tunned", "dsp")
    with pytest.raises(ConfigError, match=r"isa = 'dps': no such instruction set; did you mean 'dsp'\?"):
        load_software("tuned", "dps")  # the error is the point


def test_every_number_says_where_it_comes_from() -> None:
    """Every setting of the shipped file carries its source, or the word for having none, on its line."""
    path = Path(__file__).parents[4] / "accel_models" / "tables" / "software.yaml"
    settings = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("    ")]
    assert len(settings) > 100
    for line in settings:
        comment = line.partition("# ")[2]
        assert comment.startswith(("[", "assumption", "Choice", "as ")), line


def test_mobilenets_have_the_published_size() -> None:
    """At 224 pixels: 569 M MACs, 4.2 M weights (Howard et al. 2017, table 4); 300 M, 3.4 M (Sandler et al. 2018)."""
    first, second = mobilenet_v1(1.0, 224, 1000), mobilenet_v2(224, 1000)
    assert round(first.macs / 1e6) == 569
    assert sum(op.weight_count for op in first) == pytest.approx(4.2e6, rel=0.01)
    assert second.macs == pytest.approx(300e6, rel=0.01)
    assert sum(op.weight_count for op in second) == pytest.approx(3.4e6, rel=0.03)
    assert sum(op.kind == "add" for op in second) == 10


@pytest.mark.parametrize(("software", "multiplies", "unpacks"), [("tuned", 3, 0), ("compiled", 4, 2)])
def test_widened_bytes_take_the_lanes_of_16_bits(software: str, multiplies: int, unpacks: int) -> None:
    """A step of 16 bytes is SMULL, SMLAL2 and SADALP; or two widenings per load and four SMLAL of 4 products.

    One register block of 4 pixels x 2 channels: 8 sums, 6 loads, 2 instructions of the step, half a branch.
    """
    design = load_design("cortex_a72", {"simd.issue": 1.0, "simd.cores": 1, "software": software})
    builder = GraphBuilder("one", 16, 2, 2)
    builder.conv("pointwise", builder.input, 2, Window.square(1))
    cost = simd_cycles(shapes_of(builder.ops[0]), core_of(design))
    assert cost.mac_cycles[0] == math.ceil(8 * multiplies + 6 * (1 + unpacks) + 2 + 0.5)
