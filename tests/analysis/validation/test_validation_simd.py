"""The SIMD core beside chips, layers and instruction counts, each comparison within its bound."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from accel_models.units.simd.unit import core_of, simd_cycles
from accel_models.work.shapes import shapes_of
from analysis.validation.comparison import Comparison
from analysis.validation.rows.kind import NotCovered
from analysis.validation.simd.compare import simd_comparisons
from analysis.validation.simd.reference import (
    latency_ms,
    mlperf_rows,
    network,
    row_design,
    software_of,
    tuned_rows,
)
from tests.shared import ComparisonsOf
from traces.base.errors import ConfigError


@pytest.fixture(scope="module")
def comparisons(comparisons_of: ComparisonsOf) -> dict[str, Comparison]:
    return {comparison.name: comparison for comparison in comparisons_of(simd_comparisons)}


@pytest.fixture(scope="module")
def tuned(comparisons: dict[str, Comparison]) -> Comparison:
    return comparisons["tuned stacks on Cortex-M4 and M7, latency"]


def test_the_bound_holds(comparisons: dict[str, Comparison]) -> None:
    assert [c.name for c in comparisons.values() if not c.holds] == []


def test_a_bound_is_not_vacuous(comparisons: dict[str, Comparison]) -> None:
    """A model twice as high breaks every bound."""
    assert not any(replace(c, predicted=2 * c.predicted).holds for c in comparisons.values())


def test_the_targets_of_the_project_are_kept(comparisons: dict[str, Comparison], tuned: Comparison) -> None:
    """12 % end to end on tuned stacks, every row within 25 %; 25 % layer by layer."""
    assert tuned.bound_mean <= 0.12
    assert tuned.bound_worst <= 0.25
    assert all(c.bound_worst <= 0.25 for c in comparisons.values() if "layers" in c.name)


@pytest.mark.parametrize("design", ["stm32l4r5", "psoc62", "stm32h7a3", "stm32f746", "stm32h747"])
def test_no_chip_is_far_off(design: str, tuned: Comparison) -> None:
    """The mean must not hide one bad chip behind the others."""
    errors = [e for e, lab in zip(tuned.relative_errors, tuned.labels, strict=True) if design in lab.split()]
    assert len(errors) >= 8
    assert np.mean(np.abs(errors)) < 0.10


def test_every_tuned_row_of_the_table_is_compared(tuned: Comparison) -> None:
    """88 rows of MLPerf Tiny and 8 of the model zoo; no row is left out because it fits badly."""
    assert len(tuned.labels) == len(tuned_rows()) == 96
    others = {row["software"] for row in mlperf_rows()} - {row["software"] for row in tuned_rows()}
    assert {software_of(name) for name in others} == {"cmsis_nn", "compiled", "reference"}


def test_removed_channels_are_not_charged() -> None:
    """Stacks that remove dead channels run 3.7 of the 7.5 million MACs."""
    assert network("VWW").macs == 7_489_664
    assert network("VWW live").macs < 0.51 * network("VWW").macs


@pytest.mark.parametrize("design", ["cortex_m4", "cortex_m33", "cortex_m7"])
def test_halving_the_macs_saves_less_than_half_of_the_time(design: str) -> None:
    """Removing dead channels, half of the model's MACs, saves 37 to 42 % on chips with these three cores.

    MLPerf Tiny v1.1, visual wake words; a cost per MAC would promise 50 %.
    """
    row = {"design": design, "freq_mhz": "100"}
    live, whole = (latency_ms({**row, "network": name}, "tuned") for name in ("VWW live", "VWW"))
    saved = 1 - live / whole
    assert 0.35 < saved < 0.42


@pytest.mark.parametrize(
    ("stack", "software"),
    [
        ("X-CUBE-AI v7.1.0", "tuned_2021"),
        ("X-CUBE-AI v7.3.0", "tuned_2022"),
        ("X-CUBE-AI v8.1.0", "tuned_2022"),
        ("X-CUBE-AI v9.0", "tuned_2023"),
        ("X-CUBE-AI 10.0.0", "tuned_2023"),
        ("Plumerai Inference Engine", "tuned_2022"),
        ("Plumerai Inference Engine 2023.05", "tuned_2023"),
        ("microTVM + CMSIS-NN (TVM BYOC)", "cmsis_nn"),
        ("microTVM native schedules", "compiled"),
        ("TensorFlow Lite for Microcontrollers v2.3.1", "reference"),
        ("X-CUBE-AI v8", "tuned_2022"),
        ("STM32Cube.AI v7.1.0", "tuned_2021"),
        ("ST Edge AI Core 2.0", "tuned_2023"),
        ("Plumerai Inference Engine 2024.09", "tuned_2023"),
        ("ONNC v1.1", "cmsis_nn"),
        ("TFLite 2.12 (XNNPACK delegate)", "tuned"),
        ("TVM 0.13", "compiled"),
    ],
)
def test_a_stack_names_its_software_set(stack: str, software: str) -> None:
    assert software_of(stack) == software


def test_networks_of_public_tables_by_their_names() -> None:
    """MACs as published: MobileNets' papers, tables 6 and 4; V2's channels in eighths, 1280 at the end."""
    assert network("MobileNet V1 224 1.0").macs == network("MobileNetV1_1.0_224 ImageNet").macs
    assert network("MobileNetV1_1.0_224 ImageNet").macs == pytest.approx(569e6, rel=0.005)
    assert network("MobileNetV2_1.0_224").macs == pytest.approx(300e6, rel=0.01)
    assert network("MobileNetV2_0.35_224").macs == pytest.approx(59e6, rel=0.01)
    assert network("MobileNetV2_1.4_224").macs == pytest.approx(582e6, rel=0.01)
    grey = network("MobileNetV1_0.25_96 gray flowers")
    assert (grey.input_channels, grey.ops[-2].out_channels) == (1, 5)
    assert network("ResNet-50 ImageNet").macs == network("resnet50").macs


def test_flash_read_half_as_wide_waits_twice_as_often() -> None:
    """An op that reads its weights once waits for each line of 16 B; in dual-bank mode for each of 8 B."""
    row = {"design": "stm32l4r5", "freq_mhz": "120"}
    single, dual = (core_of(row_design({**row, "flash": mode}, "tuned")) for mode in ("", "dual bank"))
    layer = shapes_of(next(op for op in network("AD").ops if op.kind == "linear"))
    waits = [int(simd_cycles(layer, core).wait_cycles[0]) for core in (single, dual)]
    assert waits[0] == math.ceil(81_920 / 16 * 50e-9 * 120e6 * (1 - 0.56))
    assert waits[1] == pytest.approx(2 * waits[0], abs=1)


@pytest.mark.parametrize(
    ("tiny_round", "software"),
    [
        ("v0.5", "tuned_2021"),
        ("v1.0", "tuned_2022"),
        ("V1.1 ", "tuned"),
        ("v1.4", "tuned_2023"),
        ("", "tuned"),
    ],
)
def test_an_unknown_stack_is_one_of_its_round(tiny_round: str, software: str) -> None:
    assert software_of("Somebody's engine", tiny_round) == software


def test_nameless_stacks_are_missed_by_what_the_docstring_says() -> None:
    errors = []
    for row in tuned_rows():
        predicted = latency_ms(row, software_of("Somebody's engine", row.get("round", "")))
        errors.append(abs(predicted / float(row["latency_ms"]) - 1))
    assert sum(errors) / len(errors) == pytest.approx(0.107, abs=0.002)


@pytest.mark.parametrize(
    ("name", "graph", "macs"),
    [
        ("MobileNetV2_1.0_224_ImageNet", "mobilenetv2_1.0_224", 300_774_272),
        ("MobileNetV2_1.0_224 ImageNet", "mobilenetv2_1.0_224", 300_774_272),
        ("MobileNet v1 0.25 96", "mobilenetv1_0.25_96", None),
        ("ResNet50 v1 224", "resnet50", None),
        ("ResNet8 CIFAR10", "resnet8_tiny", None),
    ],
)
def test_a_network_by_what_tables_call_it(name: str, graph: str, macs: int | None) -> None:
    assert network(name).name == graph
    assert macs is None or network(name).macs == macs


def test_an_unknown_network_or_no_stack_is_refused() -> None:
    with pytest.raises(NotCovered, match="no software"):
        software_of(" ")
    with pytest.raises(ConfigError, match="no graph is known"):
        network("VGG")
