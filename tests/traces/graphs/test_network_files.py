"""Networks by name and file: shipped graphs against published counts, SCALE-Sim topologies."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from traces.base.errors import ConfigError, FileProblem, GraphError, LacunaError, UnsupportedError
from traces.files.storage import export_npz, save_trace
from traces.graphs.files import save_graph
from traces.graphs.named import load_network, network_names
from traces.graphs.network import NetworkGraph
from traces.graphs.resnets import cifar_resnet
from traces.trace import open_trace

# Layer shapes of the MLPerf Tiny reference models: mlcommons/tiny at 1afd2c98, benchmark/training.
TINY = Path(__file__).parents[2] / "reference" / "tiny_networks.csv"
TINY_NAMES = {
    "resnet8_tiny": "ResNet8_IC",
    "mobilenetv1_025_96": "MobileNetV1_0.25_VWW96",
    "dscnn_kws": "DSCNN_KWS",
    "fc_autoencoder": "FCAE_AD",
}
KINDS = {
    "CONV_2D": "conv",
    "DEPTHWISE_CONV_2D": "conv",
    "ADD": "add",
    "AVERAGE_POOL_2D": "global_avg_pool",
    "FULLY_CONNECTED": "linear",
    "SOFTMAX": "softmax",
}


@pytest.mark.parametrize("name", network_names())
def test_every_shipped_network_loads_under_its_name(name: str) -> None:
    graph = load_network(name)
    assert graph.macs > 0
    assert not graph.gates
    assert graph.chained


@pytest.mark.parametrize("name", TINY_NAMES)
def test_tiny_networks_are_those_of_the_reference_models(name: str) -> None:
    """Every row of the reference table is one op, except reshapes, which do nothing."""
    with TINY.open() as file:
        rows = [row for row in csv.DictReader(file) if row["network"] == TINY_NAMES[name]]
    rows = [row for row in rows if row["type"] != "RESHAPE"]
    graph = load_network(name)
    assert len(graph.ops) == len(rows)
    for op, row in zip(graph.ops, rows, strict=True):
        assert op.name.split("_")[0] == row["layer"].split(":")[0]
        assert op.kind == KINDS[row["type"]]
        assert op.is_depthwise == (row["type"] == "DEPTHWISE_CONV_2D")
        expected = [int(row[field]) for field in ("in_h", "in_w", "in_c", "out_h", "out_w", "out_c", "macs")]
        found = [
            op.in_height,
            op.in_width,
            op.in_channels,
            op.out_height,
            op.out_width,
            op.out_channels,
            op.macs,
        ]
        assert found == expected
        if int(row["params"]):
            assert op.weight_count + op.out_channels == int(row["params"])
        if row["type"].endswith("CONV_2D"):
            assert [op.kernel_height, op.kernel_width, op.stride_height] == [
                int(row[field]) for field in ("k_h", "k_w", "stride")
            ]


def test_the_live_visual_wake_words_network_has_half_of_the_macs() -> None:
    """Exact integer analysis of the model's weights finds 3,751,991 live MACs of 7,489,664.

    The shipped graph keeps a depthwise layer's live inputs as its outputs too, where the analysis counts a
    few more outputs that depend on the border alone: 0.3 % fewer MACs.
    """
    live = load_network("mobilenetv1_025_96_live")
    assert live.macs == pytest.approx(3_751_991, rel=0.003)
    assert load_network("mobilenetv1_025_96").macs == 7_489_664


def weights(graph: NetworkGraph) -> int:
    return sum(op.weight_count for op in graph.ops)


def test_imagenet_networks_have_the_published_counts() -> None:
    """torchvision's ResNet-18 and -50 without biases and batch norms; AlexNet as in Eyeriss, JSSC 2017."""
    assert load_network("resnet18").macs == 1_814_073_344
    assert weights(load_network("resnet18")) == 11_678_912
    assert load_network("resnet34").macs == 3_663_761_408
    assert (
        weights(load_network("resnet34")) == 21_797_672 - 17_024 - 1_000
    )  # torchvision's, batch norms, bias
    assert load_network("resnet101").macs == 7_801_405_440
    assert weights(load_network("resnet101")) == 44_549_160 - 105_344 - 1_000
    assert load_network("resnet50").macs == 4_089_184_256
    assert weights(load_network("resnet50")) == 25_502_912
    alexnet = load_network("alexnet")
    convolutions = {op.name: op.macs for op in alexnet.ops if op.kind == "conv"}
    assert list(convolutions.values()) == [105_415_200, 223_948_800, 149_520_384, 112_140_288, 74_760_192]
    assert [op.out_height for op in alexnet.ops if op.kind != "linear"] == [55, 27, 27, 13, 13, 13, 13, 6, 1]


@pytest.mark.parametrize(("depth", "mmacs"), [(38, 83.3), (74, 168.2), (110, 253.1)])
def test_cifar_resnets_have_the_published_macs(depth: int, mmacs: float) -> None:
    static, gated = cifar_resnet(depth), cifar_resnet(depth, "both")
    assert static.macs / 1e6 == pytest.approx(mmacs, abs=0.06)
    overhead = (gated.macs - static.macs) / static.macs
    assert overhead == pytest.approx(0.00037, abs=0.00002)  # L-Nets and C-Nets: 0.036 to 0.038 %
    lnets = cifar_resnet(depth, "layer").macs - static.macs
    assert 7e-6 <= lnets / static.macs <= 8e-6


def test_impossible_resnets_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"depth = 21: a CIFAR ResNet has 6n \+ 2 layers"):
        cifar_resnet(21)
    with pytest.raises(ConfigError, match=r"gates = 'all': known: none, layer, channel, both"):
        cifar_resnet(20, "all")  # type: ignore[arg-type]  # the error is the point


def test_graph_and_trace_files_give_their_graph(tmp_path: Path) -> None:
    graph = cifar_resnet(8, "both")
    save_graph(graph, tmp_path / "g.json")
    save_trace(open_trace(graph), tmp_path / "t.parquet")
    export_npz(open_trace(graph), tmp_path / "t.npz")
    for name in ("g.json", "t.parquet", "t.npz"):
        assert load_network(tmp_path / name) == graph


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("resnet8_tinny", FileProblem, "no such network or file; did you mean 'resnet8_tiny'"),
        ("missing.json", FileProblem, "missing.json: no such file"),
        ("missing.onnx", FileProblem, "missing.onnx: no such file"),
        ("notes.txt", UnsupportedError, r"cannot read a network from '.txt'; known: .json"),
        (".", UnsupportedError, r"cannot read a network from a folder"),
    ],
)
def test_what_is_no_network_is_refused(name: str, kind: type, message: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    path = name if name == "resnet8_tinny" else tmp_path / name
    with pytest.raises(kind, match=message):
        load_network(path)


CONV_HEADER = (
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
)


SIZES = "IFMAP Height,IFMAP Width,Filter Height,Filter Width"
DENSE = "a;8;8;3;3;4;4;1\n"  # 36 output pixels, 36 weights of 4 filters each
QUOTED = '"a, b","8","8","3","3","4","4","1"\n'


def topology(tmp_path: Path, text: str) -> NetworkGraph:
    path = tmp_path / "net.csv"
    path.write_text(text)
    return load_network(path)


def test_scalesim_convolutions(tmp_path: Path) -> None:
    """Output sizes by SCALE-Sim's ceiling: (224 - 7 + 2) / 2 rounds up to 110; (28 - 1 + 2) / 2 to 15."""
    rows = "Conv1, 224, 224, 7, 7, 3, 64, 2,\n\nConv2, 28, 30, 1, 1, 16, 8, 2,1\nConv1,16,16,3,3,8,4,1,1:1,\n"
    graph = topology(tmp_path, CONV_HEADER + rows + "dwDP, 16, 16, 3, 3, 8, 2, 1,\n")
    sizes = [(op.name, op.out_height, op.out_width, op.out_channels, op.groups) for op in graph.ops]
    assert sizes == [
        ("Conv1", 110, 110, 64, 1),
        ("Conv2", 15, 30, 8, 1),
        ("Conv1#2", 14, 14, 4, 1),
        ("dwDP", 14, 14, 16, 8),
    ]
    assert graph.ops[0].macs == 110 * 110 * 49 * 3 * 64
    assert graph.ops[3].macs == 14 * 14 * 9 * 8 * 2
    assert not graph.chained
    assert (graph.name, graph.input_channels, graph.input_height) == ("net", 3, 224)


def test_scalesim_matrix_products(tmp_path: Path) -> None:
    graph = topology(tmp_path, "Layer, M, N, K,\nTF0, 31999, 1024, 84,\nTF1, 1, 5, 6\n")
    assert [op.macs for op in graph.ops] == [31999 * 1024 * 84, 30]
    assert [(op.out_height, op.in_channels, op.out_channels) for op in graph.ops] == [
        (31999, 84, 1024),
        (1, 6, 5),
    ]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("", FileProblem, "net.csv: has no layers"),
        (CONV_HEADER, FileProblem, "net.csv: has no layers"),
        (
            CONV_HEADER + "a,8,8,3,3,4\n",
            GraphError,
            "csv, line 2: layer 'a' has 5 numbers; .* needs 7 or 8",
        ),
        (CONV_HEADER + "a,8,8,3,3,4,0,1\n", GraphError, "line 2: Num Filter of layer 'a' = '0'; must be"),
        (CONV_HEADER + "a,8,8,3,3,4,x,1\n", GraphError, "line 2: Num Filter of layer 'a' = 'x'"),
        (CONV_HEADER + "a,8,8,3,9,4,4,1\n", GraphError, "filter of 3x9; needs at most its input, 8x8"),
        (CONV_HEADER + "a,8,8,3,3,4,4,1,2:4,\n", UnsupportedError, "layer 'a' has sparsity 2:4"),
        ("Layer, M, N, K\na,1,-2,3\n", GraphError, "N of layer 'a' = '-2'"),
    ],
)
def test_wrong_topologies_are_refused(text: str, kind: type, message: str, tmp_path: Path) -> None:
    with pytest.raises(kind, match=message):
        topology(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "macs", "batch"),
    [
        (CONV_HEADER.rstrip("\n,") + ",Batch Size,\nqk,512,512,1,1,4096,16,1,4,\n", 512 * 512 * 4096 * 16, 4),
        (CONV_HEADER + "a,224,224,3,3,3,32,2,\nb,112,112,3,3,1,1,1,#note\n", 10_838_016 + 108_900, 1),
        ("Layer,K,N,M,\na,2,3,5,\n", 30, 1),
        ("Layer,M,K,N\na,2,3,5,a remark\n", 30, 1),
        (CONV_HEADER.rstrip("\n,") + ",Sparsity,\na,8,8,3,3,4,4,1,1:1,\n", 36 * 36 * 4, 1),
        ("Layer,M,N,K,N:M,\na,2,3,5,4:4,\n", 30, 1),
        (CONV_HEADER.rstrip("\n,") + ",N,\na,8,8,3,3,4,4,1,6,\n", 36 * 36 * 4, 6),
        (CONV_HEADER.rstrip("\n,") + ",Batch Size,\na,8,8,3,3,4,4,1,2,6,\n", 6 * 4 * 36 * 4, 6),
        (CONV_HEADER.rstrip("\n,") + ",Notes,\na,8,8,3,3,4,4,1,the first,\n", 36 * 36 * 4, 1),
        ("Batch Size,Channels,Num Filter,Strides," + SIZES + ",Layer\n6,4,4,1,8,8,3,3,a\n", 36 * 36 * 4, 6),
        ("k,m,n,batch,layer_name\n5,2,3,4,a\n", 30, 4),
        (
            "LayerName;IfmapHeight;IfmapWidth;FilterHeight;FilterWidth;Channels;NumFilter;Strides\n" + DENSE,
            1296 * 4,
            1,
        ),
        (CONV_HEADER.upper().replace(",", "\t") + DENSE.replace(";", "\t"), 1296 * 4, 1),
        (
            "\ufeff# of a paper, table 2\r\n" + CONV_HEADER + ",,,,,,,,\r\n" + DENSE.replace(";", ","),
            1296 * 4,
            1,
        ),
        (
            '"Layer (a)","IFMAP Height [px]",' + SIZES[13:] + ",Channels,Num Filter,Strides\n" + QUOTED,
            1296 * 4,
            1,
        ),
        ("name,H,W,R,S,C,K,stride\n" + DENSE.replace(";", ","), 1296 * 4, 1),
    ],
)
def test_the_header_says_what_the_columns_are(text: str, macs: int, batch: int, tmp_path: Path) -> None:
    path = tmp_path / "net.csv"
    path.write_text(text, encoding="utf-8")
    graph = load_network(path)
    assert (graph.macs, graph.batch) == (macs, batch)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Layer,M,N,K,Wobble,\na,1,2,3,4,\n", r"line 1: column 'wobble' is not known; known: batch size, .*"),
        ("Layer,M,N,M,\na,1,2,3,\n", "names a column twice"),
        ("Layer,M,N,K,\na,8,8,3,3,4,4,1,\n", "line 2: layer 'a' has 7 numbers, its header names 3"),
        ("name,W,H,FW,FH,C,K,S\n" + DENSE.replace(";", ","), "line 1: column 'w' where IFMAP Height is"),
        (
            "Layer,M,N,K,Batch Size,\na,1,2,3,,\n",
            "line 2: layer 'a' has no Batch Size; its header names M, N, K",
        ),
        ("Layer,M,N,K,N:M\na,1,2,3,2:4\n", "line 2: layer 'a' has sparsity 2:4; needs 1:1, dense"),
        (
            "Layer,M,N,K,Batch,\na,1,2,3,1,\nb,1,2,3,2,\n",
            "layers of batch size 1, 2; needs one for all layers",
        ),
        (f"Layer,M,N,K\na,1,2,{'9' * 5000}\n", r"K of layer 'a' = '9{20}... \(5000 characters\)'"),
        (f"Layer,M,N,K\n{'x' * 5000},1,2,3\n", r"layer 'x{40}...': a name needs 1 to 200 characters"),
    ],
)
def test_a_header_or_line_that_cannot_be_is_refused_in_one_line(
    text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "net.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LacunaError, match=message) as caught:
        load_network(path)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("cell", ['"' + "x" * 200_000, "x" * 200_000])
def test_a_cell_too_long_for_csv_is_one_short_message(tmp_path: Path, cell: str) -> None:
    """Python's reader stops at 131,072 characters; an open quote swallows lines until then."""
    path = tmp_path / "n.csv"
    path.write_text(f"Layer,M,N,K,\n{cell},1,2,3,\n")
    with pytest.raises(GraphError, match=r"n\.csv: is not CSV: field larger than field limit") as found:
        load_network(path)
    assert len(str(found.value)) < 500
