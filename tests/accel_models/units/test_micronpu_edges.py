"""What a microNPU does at the edges of a network: layouts, the first op's weights, clips that nothing takes over."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from accel_models import LEAST_FUSED, Compiler, load_design
from accel_models.compiling.places import place
from accel_models.compiling.plan import plan
from accel_models.units.micronpu.blocks.choice import choose_blocks
from accel_models.units.micronpu.clips import deeper
from accel_models.units.micronpu.machine import machine_of
from analysis.validation.reference_rows import Row, reference_rows
from analysis.validation.vela.ops import npu_work
from simulator import estimate
from traces import Activation, GraphBuilder, NetworkGraph, UnsupportedError, Window

U128 = load_design("ethos_u55_128")
ROWS = list(reference_rows("vela_ops"))


def convs(channels: int, activation: Activation = "none") -> NetworkGraph:
    builder = GraphBuilder("three", 16, 16, 16)
    x = builder.conv("first", builder.input, 16, Window.square(3), activation="relu")
    x = builder.conv("middle", x, channels, Window.square(3), activation=activation)
    builder.conv("last", x, 16, Window.square(3))
    return builder.finish()


def test_the_ends_of_a_network_are_known() -> None:
    graph = convs(16)
    placed = place(graph, U128)
    assert [(where.comes_in, where.goes_out) for where in placed] == [
        (True, False),
        (False, False),
        (False, True),
    ]


def test_what_a_stage_takes_over_hides_no_end() -> None:
    builder = GraphBuilder("ends", 16, 8, 8)
    x = builder.conv("conv", builder.input, 16, Window.square(3))
    builder.elementwise("activation", "relu", (x,), "relu")
    graph = builder.finish()
    placed = dict(zip(graph.index, place(graph, U128, plan(graph, U128, Compiler())), strict=True))
    assert placed["conv"].goes_out  # the stage's clip writes the result
    assert placed["conv"].comes_in


def test_few_channels_make_a_clip_a_pass_of_its_own() -> None:
    """Rows of vela_ops.csv: behind seven channels a row Relu, behind eight none."""
    extra = {}
    for channels in (LEAST_FUSED - 1, LEAST_FUSED):
        plain, clipped = (
            sum(op.total_cycles for op in estimate(convs(channels, word), U128).rows)
            for word in ("none", "relu")
        )
        extra[channels] = clipped - plain
    assert extra[LEAST_FUSED] == 0
    assert extra[LEAST_FUSED - 1] > 500


def test_elements_are_folded_as_vela_folds_them() -> None:
    found: list[Row] = []
    for before, row in pairwise(ROWS):
        same = before["network"] == row["network"] and before["accelerator"] == row["accelerator"]
        if same and row["op"] in {"Relu", "Relu6"} and int(before["ofm_c"]) < LEAST_FUSED:
            elements = int(before["ofm_h"]) * int(before["ofm_w"]) * int(before["ofm_c"])
            assert deeper(elements) == tuple(int(row[f"ofm_{side}"]) for side in "hwc"), row["network"]
            found.append(row)
    assert len(found) > 20


@pytest.mark.parametrize("elements", [1, 7, 16, 2 * 3 * 5 * 7 * 11, 9409])
def test_folding_keeps_every_element(elements: int) -> None:
    assert np.prod(deeper(elements)) == elements


def test_elementwise_blocks_of_a_u85_are_vela_s() -> None:
    rows = [
        row for row in ROWS if row["accelerator"] == "ethos-u85-256" and row["op"] in {"Add", "Mul", "Sub"}
    ]
    blocks = choose_blocks(npu_work(rows, machine := machine_of(load_design("ethos_u85_256"))), machine)
    found = np.stack([blocks.out_height, blocks.out_width, blocks.out_channels], axis=1)
    wanted = {"mulc_h16_c32": (16, 16, 16), "add_h8_c64": (8, 32, 64), "mulc_h14_c128": (14, 16, 16)}
    seen = {row["network"]: tuple(block) for row, block in zip(rows, found.tolist(), strict=True)}
    assert {name: seen[name] for name in wanted} == wanted


def test_an_op_whose_weights_are_nothing_beside_its_work_is_refused_in_words() -> None:
    """A slice of the weights of 2 ** 31 - 1 channels had more of them than an integer holds: NumPy warned of it."""
    width = 2**31 - 1
    image = {"in_height": 7, "in_width": 100, "out_height": 7, "out_width": 100}
    narrow = {"name": "narrow", "kind": "linear", "inputs": ["input"], "in_channels": 33, "out_channels": 3}
    wide = {
        "name": "wide",
        "kind": "conv_transpose",
        "inputs": ["narrow"],
        "in_channels": 3,
        "out_channels": width,
    }
    top = {
        "name": "top",
        "kind": "global_max_pool",
        "inputs": ["wide"],
        "in_channels": width,
        "out_channels": width,
    }
    pooled = image | {"out_height": 1, "out_width": 1}
    graph = NetworkGraph.model_validate(
        {
            "name": "wide",
            "input_channels": 33,
            "input_height": 7,
            "input_width": 100,
            "ops": [narrow | image, wide | image, top | pooled],
        }
    )
    with pytest.raises(UnsupportedError, match="its tensors need 1503238555000 B of the activation buffer"):
        estimate(graph, U128)
