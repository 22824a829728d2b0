"""Bad input ends with exit code 2 and one message that names the thing, its value and the way out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.lacuna.lacuna_runner import Lacuna, Ran
from traces import cifar_resnet, save_trace, synthetic_trace
from traces.files import storage as trace_storage

NPU = ("-d", "edge_npu_16x16")


def check(ran: Ran, *parts: str) -> None:
    for part in parts:
        assert part in ran.message, ran.message


def cut_short(path: Path, out: Path, left: int) -> Path:
    out.write_bytes(path.read_bytes()[:left])
    return out


class TestTraces:
    def replay(self, lacuna: Lacuna, path: Path, tmp_path: Path) -> Ran:
        ran = lacuna("replay", path, *NPU, "--out", tmp_path / "out")
        assert not (tmp_path / "out").exists()
        return ran

    def test_missing(self, lacuna: Lacuna, tmp_path: Path) -> None:
        check(self.replay(lacuna, tmp_path / "no.parquet", tmp_path), "no.parquet: no such file")

    def test_a_folder(self, lacuna: Lacuna, tmp_path: Path) -> None:
        check(self.replay(lacuna, tmp_path, tmp_path), str(tmp_path), "a folder")

    @pytest.mark.parametrize("left", [0, 3, 100, -50, -1])
    def test_truncated(self, lacuna: Lacuna, trace: Path, tmp_path: Path, left: int) -> None:
        check(
            self.replay(lacuna, cut_short(trace, tmp_path / "cut.parquet", left), tmp_path), "cut.parquet: "
        )

    @pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.99])
    def test_one_bit_flipped(self, lacuna: Lacuna, trace: Path, tmp_path: Path, share: float) -> None:
        data = bytearray(trace.read_bytes())
        data[int(share * len(data))] ^= 8
        (tmp_path / "bit.parquet").write_bytes(data)
        check(self.replay(lacuna, tmp_path / "bit.parquet", tmp_path), "bit.parquet: ", "damaged")

    def test_other_schema_version(
        self, lacuna: Lacuna, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(trace_storage, "TRACE_SCHEMA_VERSION", "2.0")
        save_trace(synthetic_trace(cifar_resnet(8, "layer"), 3), tmp_path / "new.parquet")
        monkeypatch.undo()
        ran = lacuna("replay", tmp_path / "new.parquet", *NPU, "--out", tmp_path / "out")
        check(ran, "new.parquet", "schema version 2.0", "knows 1.x")

    def test_empty(self, lacuna: Lacuna, tmp_path: Path) -> None:
        save_trace(synthetic_trace(cifar_resnet(8, "layer"), 0), tmp_path / "none.parquet")
        check(self.replay(lacuna, tmp_path / "none.parquet", tmp_path), "no inputs")

    def test_not_a_trace(self, lacuna: Lacuna, trace: Path, tmp_path: Path) -> None:
        (tmp_path / "text.parquet").write_text("label,prediction\n1,1\n")
        check(self.replay(lacuna, tmp_path / "text.parquet", tmp_path), "text.parquet", "Parquet")

    @pytest.mark.parametrize("command", [("inspect",), ("estimate", *NPU)])
    def test_other_commands_refuse_damage_too(
        self, lacuna: Lacuna, trace: Path, tmp_path: Path, command: str
    ) -> None:
        cut = cut_short(trace, tmp_path / "cut.parquet", 500)
        check(lacuna(command[0], cut, *command[1:]), "cut.parquet: ")


class TestDesigns:
    @pytest.mark.parametrize("command", ["replay", "estimate", "inspect"])
    def test_unknown(self, lacuna: Lacuna, trace: Path, tmp_path: Path, command: str) -> None:
        if command == "inspect":
            check(lacuna("inspect", "edge_npu_16x61"), "'edge_npu_16x61'", "known:")
            return
        what = (trace, "--out", tmp_path / "out") if command == "replay" else ("resnet8_tiny",)
        check(lacuna(command, *what, "-d", "edge_npu_16x61"), "did you mean 'edge_npu_16x16'?", "known:")

    def test_missing_file(self, lacuna: Lacuna, trace: Path, tmp_path: Path) -> None:
        ran = lacuna("replay", trace, "-d", tmp_path / "no.yaml", "--out", tmp_path / "out")
        check(ran, f"{tmp_path}/no.yaml: no such design file")

    @pytest.mark.parametrize(
        ("setting", "parts"),
        [
            ("array.row=8", ("array.row", "did you mean 'rows'?")),
            ("aray.rows=8", ("aray", "did you mean 'array'?")),
            ("array.rows=0", ("array.rows = 0", "greater than or equal to 1")),
            ("array.rows=many", ("array.rows = 'many'",)),
            ("array.dataflow=xs", ("array.dataflow = 'xs'", "did you mean 'ws'?", "known: is, os, rs, ws")),
            ("clock=500", ("clock = 500", "no unit", "MHz")),
            ("clock=500 KB", ("clock", "500 KB")),
            ("clock=-1 MHz", ("clock", "-1 MHz")),
            ("memory.weight_buffer=64 KB", ("memory.weight_buffer", "KB is ambiguous", "KiB")),
            ("memory.dram.bandwidth=3.2", ("memory.dram.bandwidth", "no unit")),
            ("memory.weight_buffer=0 B", ("memory.weight_buffer: size_bytes = 0", "at least 1")),
            (
                "memory.weight_buffer=64 B",
                ("memory.weight_buffer = 64 B in 2 banks", "from 256 B to 8388608 B"),
            ),
            (
                "memory.activation_buffer=1 GiB",
                ("memory.activation_buffer", "split the memory into more banks"),
            ),
            ("simd.vector=0 B", ("simd.vector = '0 B'", "greater than 0")),
            ("technology.operations=horowitz", ("'horowitz'", "did you mean 'horowitz_45nm'?")),
            ("software=tunned", ("'tunned'", "did you mean 'tuned'?")),
            ("array.rows", ("--set 'array.rows'", "PATH=VALUE")),
            ("=8", ("--set '=8'", "PATH=VALUE")),
            ("array.rows.deep=8", ("array.rows",)),
        ],
    )
    def test_values(
        self, lacuna: Lacuna, trace: Path, tmp_path: Path, setting: str, parts: tuple[str, ...]
    ) -> None:
        ran = lacuna("replay", trace, *NPU, "--set", setting, "--out", tmp_path / "out")
        check(ran, *parts)
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("name: a\nclock: [\n", ("line",)),
            ("just words\n", ("mapping",)),
            ("name: a\nname: b\n", ("name",)),
            ("name: mine\nclok: 1 GHz\n", ("clok", "did you mean 'clock'?")),
            ("", ("mapping",)),
        ],
    )
    def test_files(self, lacuna: Lacuna, tmp_path: Path, text: str, parts: tuple[str, ...]) -> None:
        (tmp_path / "mine.yaml").write_text(text)
        check(lacuna("inspect", tmp_path / "mine.yaml"), str(tmp_path / "mine.yaml"), *parts)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"name: \x07", b"a: [1", b"a: b: c"])
@pytest.mark.parametrize("command", ["inspect", "train", "sweep"])
def test_yaml_that_is_none(lacuna: Lacuna, tmp_path: Path, command: str, content: bytes) -> None:
    """Bytes, control characters, an open bracket, a nested colon: one line each, naming the file."""
    if command == "train":
        pytest.importorskip("torch")
    (tmp_path / "bad.yaml").write_bytes(content)
    options = ("--out", tmp_path / "out") if command == "sweep" else ()
    check(lacuna(command, tmp_path / "bad.yaml", *options), "bad.yaml: ")


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ("simd.weight_memory.line=0 B", ("simd.weight_memory.line = '0 B'", "greater than 0")),
        ("simd.weight_memory.overlap=0.5", ("simd.weight_memory.overlap: no such setting", "line_time")),
        ("simd.instruction_cache=1 KB", ("simd.instruction_cache = '1 KB'", "KiB")),
        ("technology.core_power=stm32h7a3", ("'stm32h7a3'", "did you mean 'stm32h7a3_202")),
        ("technology.supply=3 A", ("technology.supply = '3 A'", "known: V, mV")),
    ],
)
def test_settings_of_a_core(lacuna: Lacuna, setting: str, parts: tuple[str, ...]) -> None:
    check(lacuna("estimate", "resnet8_tiny", "-d", "cortex_m4", "--set", setting), *parts)


def test_a_dataflow_needs_an_array(lacuna: Lacuna) -> None:
    ran = lacuna("estimate", "resnet8_tiny", "-d", "cortex_m4", "--dataflow", "ws")
    check(ran, "--dataflow ws: design 'cortex_m4' has no array")


class TestPolicies:
    @pytest.mark.parametrize(
        ("options", "parts"),
        [
            (("--prefetch", "specluate"), ("prefetch", "'specluate'", "speculate")),
            (("--engine", "fsat"), ("--engine 'fsat'", "did you mean 'fast'?")),
            (("--theta", "1.5"), ("theta = 1.5", "less than or equal to 1")),
            (("--batch-order", "random", "--batch", "2"), ("batch_order = 'random'", "similar")),
            (("--batch-order", "similar"), ("batch_order", "batch = 2 or more")),
            (("--compaction", "both"), ("compaction = 'both'", "union")),
            (("--batch", "5000"), ("batch = 5000", "4096")),
        ],
    )
    def test_values(
        self, lacuna: Lacuna, trace: Path, tmp_path: Path, options: tuple[str, ...], parts: tuple[str, ...]
    ) -> None:
        check(lacuna("replay", trace, *NPU, *options, "--out", tmp_path / "out"), *parts)
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        "options", [("--batch", "0"), ("--limit", "0"), ("--limit", "ten"), ("--timeline", "-1")]
    )
    def test_numbers_that_typer_checks(
        self, lacuna: Lacuna, trace: Path, tmp_path: Path, options: tuple[str, ...]
    ) -> None:
        ran = lacuna("replay", trace, *NPU, *options, "--out", tmp_path / "out")
        assert ran.code == 2
        assert options[0] in ran.err


class TestNetworks:
    def test_unknown_name(self, lacuna: Lacuna) -> None:
        check(lacuna("estimate", "resnet8_tyni", *NPU), "resnet8_tyni", "did you mean 'resnet8_tiny'?")

    def test_unknown_kind_of_file(self, lacuna: Lacuna, tmp_path: Path) -> None:
        (tmp_path / "net.txt").write_text("")
        check(lacuna("estimate", tmp_path / "net.txt", *NPU), "net.txt", ".json", ".csv", ".onnx")

    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("Layer,M,N,K\n", ("no layers",)),
            ("Layer,M,N,K\na,1,2,zero\n", ("line 2", "K of layer 'a' = 'zero'")),
            ("Layer,M,N,K\na,1,2,0\n", ("line 2", "at least 1")),
            ("Layer,a,b\na,1,2,3,4\n", ("line 2", "4 numbers", "7 or 8")),
            ("L,h,w,fh,fw,c,n,s\nbig,3,3,5,5,1,1,1\n", ("line 2", "5x5", "at most its input, 3x3")),
            ("L,h,w,fh,fw,c,n,s\nbig,100000,100000,3,3,9,99999,1\n", ("op 'big' (conv)", "MACs; at most")),
            ("Layer,M,N,K\na,1,2,3\nb,1,2,3000000000\n", ("line 3", "'b'", "in_channels = 3000000000")),
        ],
    )
    def test_topologies(self, lacuna: Lacuna, tmp_path: Path, text: str, parts: tuple[str, ...]) -> None:
        (tmp_path / "net.csv").write_text(text)
        check(lacuna("estimate", tmp_path / "net.csv", "-d", "systolic_bare"), "net.csv", *parts)

    @pytest.mark.parametrize("text", ["{", "[]", '{"name": "a"}', '{"name": "a", "layers": []}'])
    def test_graphs(self, lacuna: Lacuna, tmp_path: Path, text: str) -> None:
        (tmp_path / "net.json").write_text(text)
        check(lacuna("inspect", tmp_path / "net.json"), "net.json")

    def test_cost_table_unit(self, lacuna: Lacuna, tmp_path: Path) -> None:
        ran = lacuna("cost-table", "resnet8_tiny", *NPU, "--unit", "J", "--out", tmp_path / "c.json")
        check(ran, "--unit 'J'", "cycles or pJ")

    @pytest.mark.parametrize("command", ["estimate", "cost-table"])
    def test_a_layer_that_does_not_fit(self, lacuna: Lacuna, tmp_path: Path, command: str) -> None:
        """The op, its demand, the bound and the lever; no table without it."""
        out = tmp_path / "table"
        small = ("-d", "edge_npu_32x32", "--set", "memory.weight_buffer=256 B", "--set", "memory.banks=1")
        check(
            lacuna(command, "resnet8_tiny", *small, "--out", out),
            "01_conv2d",
            "512 B",
            "256 B",
            "memory.weight_buffer",
        )
        assert not out.exists()


class TestFolders:
    @pytest.mark.parametrize("command", ["report", "pareto"])
    def test_missing(self, lacuna: Lacuna, tmp_path: Path, command: str) -> None:
        check(lacuna(command, tmp_path / "no"), str(tmp_path / "no"))

    @pytest.mark.parametrize("command", ["report", "inspect", "pareto"])
    def test_without_results(self, lacuna: Lacuna, tmp_path: Path, command: str) -> None:
        check(lacuna(command, tmp_path), str(tmp_path), ".json")

    def test_compare_without_results(self, lacuna: Lacuna, tmp_path: Path) -> None:
        check(lacuna("compare", tmp_path, tmp_path), str(tmp_path))

    @pytest.mark.parametrize("name", ["summary.json", "policy.json", "design.yaml", "per_input.parquet"])
    def test_damaged_results(self, lacuna: Lacuna, trace: Path, tmp_path: Path, name: str) -> None:
        lacuna("replay", trace, *NPU, "--limit", 2, "--out", tmp_path / "r")
        file = tmp_path / "r" / name
        file.write_bytes(file.read_bytes()[:-9])
        check(lacuna("inspect", tmp_path / "r"), name)

    def test_results_of_another_version(self, lacuna: Lacuna, trace: Path, tmp_path: Path) -> None:
        lacuna("replay", trace, *NPU, "--limit", 2, "--out", tmp_path / "r")
        file = tmp_path / "r" / "summary.json"
        text = re.sub(r'("schema_version": )"\d+', r'\1"99', file.read_text("utf-8"))
        file.write_text(text, "utf-8")
        check(lacuna("inspect", tmp_path / "r"), "summary.json", "version 99", "replay again")

    def test_unwritable(self, lacuna: Lacuna, trace: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        ran = lacuna("replay", trace, *NPU, "--limit", 2, "--out", tmp_path / "file" / "r")
        check(ran, str(tmp_path / "file"))

    def test_figures(self, lacuna: Lacuna, tmp_path: Path) -> None:
        check(lacuna("report", tmp_path, "--figures", "gif"), "--figures 'gif'", "png, svg, pdf")
