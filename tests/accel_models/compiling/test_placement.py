"""Where tensors and weights live, on networks small enough to work out by hand."""

import pytest

from accel_models.compiling.places import place, weight_space_bytes
from accel_models.design.design import Design
from accel_models.design.load import load_design
from traces.base.errors import UnsupportedError
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import INPUT, Op


def conv(name: str, source: str, cin: int, cout: int, size: int = 8) -> Op:
    return Op(
        name=name, kind="conv", inputs=(source,), in_channels=cin, out_channels=cout, in_height=size, in_width=size,
        out_height=size, out_width=size, kernel_height=1, kernel_width=1,
    )  # fmt: skip


def chain(*ops: Op) -> NetworkGraph:
    return NetworkGraph(name="chain", input_channels=4, input_height=8, input_width=8, ops=ops)


# Outputs: a 8 x 8 x 16 = 1,024 B, b 512 B, c 1,024 B; weights: a 64 B, b 128 B, c 128 B.
THREE = chain(conv("a", INPUT, 4, 16), conv("b", "a", 16, 8), conv("c", "b", 8, 16))


def design(**memory: str) -> Design:
    return load_design("edge_npu_16x16", {f"memory.{key}": value for key, value in memory.items()})


def test_the_input_comes_from_dram_and_outputs_that_fit_stay() -> None:
    placed = place(THREE, design(activation_buffer="64 KiB", weight_buffer="100 B"))
    assert [p.inputs_on_chip for p in placed] == [False, True, True]
    assert [p.output_on_chip for p in placed] == [True, True, True]
    assert [p.reserved_bytes for p in placed] == [1024, 1536, 1536]


def test_both_sides_of_the_activation_buffer_edge() -> None:
    """While b runs, a's 1,024 B and b's own 512 B stay together: 1,536 B fit, 1,535 B do not."""
    fits = place(THREE, design(activation_buffer="1536 B", weight_buffer="100 B"))
    assert [p.output_on_chip for p in fits] == [True, True, True]
    spills = place(THREE, design(activation_buffer="1535 B", weight_buffer="100 B"))
    assert [p.output_on_chip for p in spills] == [True, False, True]
    assert [p.inputs_on_chip for p in spills] == [False, True, False]


def test_a_tensor_gives_way_to_a_tile_of_what_streams() -> None:
    """b reads a from DRAM: two pixels of 16 channels, 32 B, must fit beside b's own 512 B."""
    fits = place(THREE, design(activation_buffer="544 B", weight_buffer="100 B"))
    assert [p.output_on_chip for p in fits] == [False, True, False]
    crowded = place(THREE, design(activation_buffer="543 B", weight_buffer="100 B"))
    assert [p.output_on_chip for p in crowded] == [False, False, False]


def test_both_sides_of_the_weight_buffer_edge() -> None:
    """All weights are 64 + 128 + 128 = 320 B."""
    resident = place(THREE, design(weight_buffer="320 B"))
    assert [p.weights_resident for p in resident] == [True, True, True]
    assert (
        weight_space_bytes(THREE, place(THREE, design(weight_buffer="320 B")), design(weight_buffer="320 B"))
        == 0
    )
    fetched = place(THREE, design(weight_buffer="319 B"))
    assert [p.weights_resident for p in fetched] == [False, False, False]
    assert [p.weight_prefetch_bytes for p in fetched] == [64, 128, 128]


def test_a_tensor_across_a_shortcut_is_held_all_the_way() -> None:
    add = Op(
        name="add", kind="add", inputs=("c", "a"), in_channels=16, out_channels=16, in_height=8, in_width=8,
        out_height=8, out_width=8,
    )  # fmt: skip
    placed = place(chain(*THREE.ops, add), design(activation_buffer="64 KiB"))
    assert [p.reserved_bytes for p in placed] == [1024, 1536, 1024 + 512 + 1024, 3 * 1024]
    assert [p.unit for p in placed] == ["array", "array", "array", "simd"]


def test_an_op_without_a_unit_is_named() -> None:
    bare = load_design("systolic_bare")
    assert {p.unit for p in place(THREE, bare)} == {"array"}
    pool = Op(
        name="pool", kind="max_pool", inputs=("c",), in_channels=16, out_channels=16, in_height=8, in_width=8,
        out_height=8, out_width=8,
    )  # fmt: skip
    assert place(chain(*THREE.ops, pool), bare)[-1].unit == "none"  # stated: elementwise: ignored
    silent = bare.model_copy(update={"elementwise": "simd"})
    with pytest.raises(
        UnsupportedError, match=r"op 'pool' \(max_pool\): design 'systolic_bare' has no simd core"
    ):
        place(chain(*THREE.ops, pool), silent)


def test_weights_outside_are_a_share_of_the_whole_network() -> None:
    """MobileNet's 4.2 MB on a chip with room for 1,920 KiB, and a small network that fits."""
    from analysis.validation.simd.mobilenets import mobilenet_v1  # noqa: PLC0415

    graph, design = mobilenet_v1(1.0, 224, 1000), load_design("stm32h747")
    total = sum(op.weight_count for op in graph)
    shares = {one.outside_share for one in place(graph, design)}
    assert shares == {1 - 1920 * 1024 / total}
    assert {one.outside_share for one in place(mobilenet_v1(0.25, 96, 5), design)} == {0.0}
