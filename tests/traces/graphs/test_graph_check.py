"""A graph that contradicts itself is refused with the op or gate, the value and the need."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from traces.base.errors import FileProblem, GraphError, LacunaError
from traces.graphs.files import load_graph, parse_graph, save_graph
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Gate, Op
from traces.graphs.resnets import cifar_resnet, resnet50

RESNET = cifar_resnet(8, "both")


def data_of(graph: NetworkGraph = RESNET) -> dict[str, Any]:
    return json.loads(graph.model_dump_json(exclude_defaults=True))


def op(data: dict[str, Any], name: str) -> dict[str, Any]:
    return next(entry for entry in data["ops"] if entry["name"] == name)


def gate(data: dict[str, Any], name: str) -> dict[str, Any]:
    return next(entry for entry in data["gates"] if entry["name"] == name)


def refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(GraphError, match=re.escape(message)) as caught:
        parse_graph(json.dumps(data), "net.json")
    assert str(caught.value).startswith("net.json: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "field", "value", "message"),
    [
        ("block1.conv1", "name", "stem", "op 'stem': 2 ops have this name; names must be unique"),
        ("block1.conv1", "name", "input", "op 'input': this name is reserved"),
        ("block1.conv1", "name", "", "op name is empty"),
        ("block1.conv1", "inputs", ["stam"], "no producer 'stam'; did you mean 'stem'?"),
        ("block1.conv1", "inputs", ["pool"], "reads 'pool', a later op; needs program order"),
        ("block1.conv1", "inputs", [], "inputs is empty; name a producer or 'input'"),
        ("block1.conv1", "in_channels", 15, "op 'block1.conv1' (conv): input is 15x32x32"),
        ("block1.conv1", "in_height", 31, "its producers give 'stem' 16x32x32"),
        ("block1.conv1", "out_height", 35, "out_height = 35; an input of 32 with kernel 3, stride 1"),
        ("block1.conv1", "out_width", 29, "out_width = 29; an input of 32 with kernel 3, stride 1"),
        ("block1.conv1", "groups", 3, "in_channels = 16 is not a multiple of groups = 3"),
        ("block1.conv1", "kind", "cnov", "ops.6.kind = 'cnov': unknown; did you mean 'conv'?"),
        ("block1.conv1", "kernel_heigth", 3, "no such setting; did you mean 'kernel_height'?"),
        ("block1.conv1", "stride_width", 0, "stride_width = 0: input should be greater than or equal to"),
        ("block1.conv1", "stride_width", "two", "stride_width = 'two'"),
        ("block1.add", "out_channels", 17, "op 'block1.add' (add): out_channels = 17, needs 16 as in"),
        ("block1.add", "out_width", 16, "op 'block1.add' (add): output is 32x16 pixels, needs 32x32"),
        ("block1.add", "inputs", ["block1.scale"], "kind 'add' needs two inputs, has 1"),
        ("block1.add", "inputs", ["block1.scale", "input"], "(channels x height x width)"),
        ("block1.scale", "inputs", ["block1.conv2", "block2.shortcut"], "op 'block1.scale'"),
        ("pool", "out_height", 2, "op 'pool' (global_avg_pool): output is 2x1 pixels, needs 1x1"),
        ("classifier", "in_channels", 63, "op 'classifier' (linear): input is 63x1x1"),
    ],
)
def test_a_wrong_op_is_named(name: str, field: str, value: object, message: str) -> None:
    data = data_of()
    op(data, name)[field] = value
    if name == "block1.scale":  # program order is checked first, so put the operand before it
        data["ops"].insert(
            1, data["ops"].pop([entry["name"] for entry in data["ops"]].index("block2.shortcut"))
        )
        op(data, "block2.shortcut")["inputs"] = ["stem"]
    refused(data, message)


@pytest.mark.parametrize(
    ("name", "field", "value", "message"),
    [
        ("block1.cnet", "name", "block1.lnet", "gate 'block1.lnet': 2 gates have this name"),
        ("block1.cnet", "name", "label", "gate 'label': this name is reserved; rename the gate"),
        ("block1.cnet", "name", "block1.lnet.score", "gate 'block1.lnet.score': 2 gates have this name"),
        ("block1.cnet", "reads", "stam", "gate 'block1.cnet': reads: no op 'stam'; did you mean 'stem'?"),
        (
            "block1.cnet",
            "guards",
            ["block1.conv9"],
            "guards: no op 'block1.conv9'; did you mean 'block1.conv",
        ),
        ("block1.cnet", "guards", [], "gate 'block1.cnet': guards no op"),
        ("block1.cnet", "guards", ["stem"], "guards 'stem', which comes before its decision"),
        ("block1.cnet", "guards", ["block1.cnet.threshold"], "which comes before its decision"),
        ("block1.cnet", "guards", ["block1.conv1"] * 2, "guards names an op twice"),
        ("block1.cnet", "size", 8, "size = 8, needs 16: out_channels of guarded op 'block1.conv1'"),
        ("block1.cnet", "computed_by", ["nope"], "computed_by: no op 'nope'"),
        ("block1.cnet", "computed_by", ["block1.cnet.fc", "block1.pool"], "'block1.pool' must come after"),
        ("block1.lnet", "size", 2, "gate 'block1.lnet': size = 2, needs 1: size must be 1"),
        ("block1.lnet", "reads", "block1.conv1", "'block1.pool' must come after 'block1.conv1'"),
        ("block1.lnet", "kind", "layers", "gates.0.kind = 'layers': unknown; did you mean 'layer'?"),
    ],
)
def test_a_wrong_gate_is_named(name: str, field: str, value: object, message: str) -> None:
    data = data_of()
    gate(data, name)[field] = value
    refused(data, message)


def test_other_kinds_of_gates_are_checked_too() -> None:
    data = data_of(cifar_resnet(8))
    guarded = {"reads": "stem", "guards": ["block1.conv1"]}
    cases = [
        ({"kind": "width", "size": 2, "widths": [8, 17]}, "width 17, needs at most 16"),
        ({"kind": "width", "size": 2, "widths": [16, 8]}, "widths = (16, 8) must rise"),
        ({"kind": "width", "size": 3, "widths": [8, 16]}, "size = 3, needs 2"),
        ({"kind": "spatial", "size": 33, "tile_rows": 33}, "a grid of 33x1 tiles over 32x32 output pixels"),
        ({"kind": "spatial", "size": 3, "tile_rows": 2}, "size must be tile_rows * tile_cols"),
        ({"kind": "exit", "size": 1, "exits": ["classifier"], "levels": [0]}, "which comes before its exit"),
        ({"kind": "exit", "size": 1, "exits": ["stem"], "levels": [1]}, "level 1 of 'block1.conv1'"),
        ({"kind": "exit", "size": 1, "exits": ["stem"]}, "0 levels for 1 guarded ops; one each"),
        ({"kind": "exit", "size": 2, "exits": ["pool", "stem"], "levels": [0]}, "program order: stem, pool"),
        ({"kind": "exit", "size": 2, "exits": ["stem"], "levels": [0]}, "number of exits"),
    ]
    for fields, message in cases:
        data["gates"] = [{"name": "g", **guarded, **fields}]
        refused(data, message)
    grids = [{"name": n, **guarded, "kind": "spatial", "size": 2, f"tile_{n}": 2} for n in ("rows", "cols")]
    data["gates"] = grids
    refused(data, "guard 'block1.conv1' with different grids of tiles")


@pytest.mark.parametrize(
    ("sizes", "what"),
    [
        ({"out_channels": 2**20, "in_channels": 2**20, "in_height": 4, "in_width": 4}, None),
        ({"out_channels": 2**20 + 1, "in_channels": 2**20, "in_height": 4, "in_width": 4}, "MACs"),
        ({"kind": "global_avg_pool", "out_channels": 2**20, "in_height": 4096, "in_width": 4096}, None),
        (
            {"kind": "global_avg_pool", "out_channels": 2**20, "in_height": 4097, "in_width": 4096},
            "input elements",
        ),
    ],
)
def test_ops_too_large_to_count_are_refused(sizes: dict[str, Any], what: str | None) -> None:
    """2^44 MACs and elements are the last that are priced."""
    large = {"name": "big", "kind": "conv", "inputs": ("input",), "in_channels": 2**20} | sizes
    pixels = 1 if large["kind"] == "global_avg_pool" else large["in_height"]
    big = Op.model_validate(large | {"out_height": pixels, "out_width": pixels})

    def build() -> NetworkGraph:
        return NetworkGraph(
            name="net",
            input_channels=big.in_channels,
            input_height=big.in_height,
            input_width=big.in_width,
            ops=(big,),
        )

    if what is None:
        build()
        return
    with pytest.raises(
        GraphError, match=rf"op 'big' \({big.kind}\): [\d,]+ {what}; at most 17,592,186,044,416"
    ):
        build()


def test_an_empty_graph_and_missing_fields_are_refused() -> None:
    data = data_of()
    refused({**data, "ops": [], "gates": []}, "has no ops")
    del data["input_height"]
    refused(data, "input_height: is missing")
    with pytest.raises(GraphError, match=r"net.json: Invalid JSON: .* line 1"):
        parse_graph("{", "net.json")


def test_the_constructor_raises_the_same_clear_error() -> None:
    with pytest.raises(GraphError, match=r"^op 'a': reads 'b', a later op; needs program order$"):
        NetworkGraph(
            name="n",
            input_channels=1,
            input_height=1,
            input_width=1,
            ops=(
                Op(name="a", kind="linear", inputs=("b",), in_channels=1, out_channels=1),
                Op(name="b", kind="linear", inputs=("input",), in_channels=1, out_channels=1),
            ),
        )
    with pytest.raises(LacunaError, match=r"gate 'g': 1 levels for 0 guarded ops"):
        Gate(name="g", kind="exit", reads="a", guards=(), exits=("a",), levels=(0,))


def test_unchained_layers_read_the_input_at_sizes_of_their_own() -> None:
    data = data_of(cifar_resnet(8))
    layers = [{**op(data, name), "inputs": ["input"]} for name in ("block1.conv1", "block3.conv1")]
    refused({**data, "ops": layers}, "op 'block1.conv1' (conv): input is 16x32x32")
    graph = parse_graph(json.dumps({**data, "ops": layers, "chained": False}))
    assert [entry.in_channels for entry in graph] == [16, 32]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"out_height": 1000}, "out_height = 1000; an input of 32 with kernel 3"),
        ({"kind": "max_pool", "out_channels": 16, "out_width": 70}, "out_width = 70; an input of 32"),
        ({"kernel_height": 1 << 20}, "a window of 1,048,576 over an input of height 32; at most 1,024"),
        ({"kind": "avg_pool", "out_channels": 16, "stride_width": 4096}, "a stride of 4,096"),
        ({"kind": "linear", "kernel_height": 1}, "kernel_width = 3; kind 'linear' has no kernel_width"),
    ],
)
def test_windows_of_unchained_layers_are_checked_too(changes: dict[str, object], said: str) -> None:
    """A layer list names no producers, but a window still gives what it gives."""
    layer = {**op(data_of(cifar_resnet(8)), "block1.conv1"), "inputs": ["input"], **changes}
    refused({**data_of(cifar_resnet(8)), "ops": [layer], "gates": [], "chained": False}, said)


def test_a_copy_with_other_gates_is_checked_and_caches_nothing() -> None:
    assert RESNET.gate_ops
    assert RESNET.guards_of("block1.conv1")
    copy = RESNET.model_copy(update={"gates": ()})
    assert not copy.gate_ops
    assert not copy.guards_of("block1.conv1")
    assert copy.ops == RESNET.ops
    with pytest.raises(GraphError, match=r"no producer 'stem'"):
        RESNET.model_copy(update={"ops": RESNET.ops[1:]})


def test_a_graph_file_comes_back_as_it_was(tmp_path: Path) -> None:
    for graph in (RESNET, resnet50()):
        save_graph(graph, tmp_path / "g.json")
        assert load_graph(tmp_path / "g.json") == graph
    with pytest.raises(FileProblem, match=r"none.json: no such file"):
        load_graph(tmp_path / "none.json")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileProblem, match=r"b.json: is not a text file"):
        load_graph(tmp_path / "b.json")


def test_names_are_looked_up_with_a_hint() -> None:
    with pytest.raises(GraphError, match=r"network 'lcnet_resnet8': no op 'stm'; did you mean 'stem'"):
        RESNET.op("stm")
    with pytest.raises(GraphError, match=r"no gate 'block1.lent'; did you mean 'block1.lnet'"):
        RESNET.gate("block1.lent")
