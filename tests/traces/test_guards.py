"""Readers of plain data: what a library may raise, and what no file of ours means, is one clear error."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traces import load_network, load_trace
from traces.base.errors import MOST_MESSAGE, ConfigError, FileProblem, did_you_mean, printable
from traces.base.guard import MOST_DEPTH, file_bytes, file_text, reading
from traces.base.plain import (
    MOST_YAML,
    parse_json,
    parse_json_mapping,
    parse_yaml,
    parse_yaml_mapping,
    yaml_text,
)
from traces.base.versions import check_version

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]\n" for i in range(8)
)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[" * 5000, "nested too deeply"),
        ("- " * 5000, "nested too deeply"),
        ("- " * (MOST_DEPTH + 2), f"more than {MOST_DEPTH} levels"),
        (LAUGHS, "more than 262,144 values"),
        ("a: &a [*a]", "more than"),
        ("a: !!python/object/apply:os.system [ls]", "not YAML"),
        ("a: 1\na: 2", "line 2: not YAML"),
        ("a: 99999999999999999999", "64 bits"),
        ("a: " + "9" * 5000, "not YAML"),
        ("a: 0x" + "f" * 5000, "64 bits"),
        ("a: .inf", "inf"),
        ("a: .nan", "nan"),
        ('a: "\\0"', "control character"),
        ('a: "\\e[2J"', "control character"),
        ('"\\e[2J": a', "control character"),
        ("a: 2001-02-03", "holds a date"),
        ("a: 2001-99-03", "not YAML"),
        ("a: !!set {b}", "holds a"),
        ("x" * (MOST_YAML + 1), "bytes"),
        (b"\xff\xfe\xfd", "not YAML"),
    ],
)
def test_yaml_that_means_nothing_to_us(text: str | bytes, part: str) -> None:
    with pytest.raises(ConfigError, match=r"^x\.yaml:") as found:
        parse_yaml(text, "x.yaml")
    assert part in str(found.value)


WORDS = st.sampled_from(
    [
        "no",
        "True",
        "~",
        "0x1f",
        "1_000",
        "1e3",
        "2001-02-03",
        "- a",
        "? a",
        "a: b",
        "a #b",
        "%a",
        "<<",
        "=",
        "16 B",
        "",
    ]
)
TEXTS = WORDS | st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=8) | st.just("k" * 1100)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, width=32)
DATA = st.recursive(
    (SCALARS | TEXTS).filter(lambda value: value not in {float("inf"), float("-inf")}),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, DATA, max_size=4))
def test_yaml_that_is_written_reads_back_equal(data: dict[str, object]) -> None:
    """Words that mean a value, marks that mean structure, keys longer than YAML looks, letters of any script."""
    text = yaml_text(data)
    assert parse_yaml(text, "x") == data
    assert repr(parse_yaml(text, "x")) == repr(data)  # 1 is not 1.0, nor True


def test_yaml_as_it_is_written() -> None:
    data = {"clock": "500 MHz", "no": [1, "a, b"], "skip": {"layers": True, "ports": {}}, "why": "x: µ\u2028"}
    assert yaml_text(data).splitlines() == [
        "clock: 500 MHz",
        '"no":',
        "  - 1",
        '  - "a, b"',
        "skip:",
        "  layers: true",
        "  ports: {}",
        'why: "x: µ\\U00002028"',
    ]


def test_what_is_changed_of_one_reading_the_next_does_not_see() -> None:
    first = parse_yaml("a: {b: [1]}", "x.yaml")
    assert isinstance(first, dict)
    first["a"]["b"].append(2)
    assert parse_yaml("a: {b: [1]}", "x.yaml") == {"a": {"b": [1]}}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a": NaN}', "nan"),
        ('{"a": 1e999}', "inf"),
        ('{"a": ' + "9" * 30 + "}", "64 bits"),
        ('{"a": ' + "9" * 9000 + "}", "not JSON"),
        ('{"a": "\\u001b[2J"}', "control character"),
        ('{"a": "\\ud800"}', "control character"),
        ("{", "not JSON"),
        (b"\xff", "not JSON"),
    ],
)
def test_json_that_means_nothing_to_us(text: str | bytes, part: str) -> None:
    with pytest.raises(FileProblem, match=r"^x\.json:") as found:
        parse_json(text, "x.json")
    assert part in str(found.value)


def test_plain_data_comes_through() -> None:
    text = '{"a": [1, 2.5, true, null, "µ\\n"], "b": {"c": {}}}'
    assert (
        parse_json(text, "x") == parse_yaml(text, "x") == {"a": [1, 2.5, True, None, "µ\n"], "b": {"c": {}}}
    )


def test_a_mapping_is_needed() -> None:
    with pytest.raises(ConfigError, match="holds nothing; needs a mapping"):
        parse_yaml_mapping("", "x")
    with pytest.raises(FileProblem, match="holds list, needs an object"):
        parse_json_mapping("[]", "x")


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read, kind in ((parse_yaml, ConfigError), (parse_json, FileProblem)):
        try:
            read(data, "x")
        except kind as problem:
            assert str(problem).startswith("x:")  # noqa: PT017  (either way is right; only other errors are not)


def test_messages_are_short_and_cannot_steer_a_terminal() -> None:
    problem = ConfigError("a.yaml: \x1b[2J " + "x" * 10_000 + " needs 1")
    assert len(str(problem)) == MOST_MESSAGE
    assert str(problem).startswith("a.yaml: \\x1b[2J x")
    assert str(problem).endswith("x needs 1")
    assert str(pickle.loads(pickle.dumps(problem))) == str(problem)
    assert printable("a\u202eb\ud800\n\u00b5 4\u00a0%") == "a\\u202eb\\ud800\n\u00b5 4\u00a0%"
    assert len(did_you_mean("x", [f"name{i}" for i in range(1000)])) < 300


def test_whatever_a_library_raises_is_one_error() -> None:
    for problem, said in (
        (ZeroDivisionError("why\nmore"), "f: is damaged: why"),
        (MemoryError(), "f: is damaged: needs more memory than there is"),
        (FileNotFoundError(), "f: no such file"),
        (PermissionError(13, "Permission denied"), "f: cannot be read: Permission denied"),
        (OSError("bad page"), "f: is damaged: bad page"),
        (KeyError(), "f: is damaged: KeyError"),
    ):
        with pytest.raises(FileProblem) as found, reading("f"):
            raise problem
        assert str(found.value) == said
    with pytest.raises(ConfigError, match=r"^inner$"), reading("f"):
        raise ConfigError("inner")
    with pytest.raises(KeyboardInterrupt), reading("f"):
        raise KeyboardInterrupt


@pytest.mark.parametrize("found", ["2.0", "1", "1.x", "", None, 1.0, ["1.0"], "1.0\x1b[2J"])
def test_other_versions_are_refused(found: object) -> None:
    with pytest.raises(FileProblem, match=r"f: version .*this tool knows 1\.x: try again"):
        check_version(found, "1.1", "f: version", "try again")
    assert check_version("1.7", "1.1", "f: version", "try again") == "1.7"


@pytest.fixture(params=["pipe", "device", "sparse", "folder"])
def no_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What a path may lead to that cannot be read whole: a pipe is waited for, a device has no end."""
    path = tmp_path / "x"
    match request.param:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "sparse":
            path.touch()
            os.truncate(path, 20 << 30)
        case _:
            path.mkdir()
    return path


def test_what_is_no_file_or_has_no_end_is_refused_at_once(no_file: Path) -> None:
    with pytest.raises(FileProblem, match=r"no regular file|holds 21,474,836,480 bytes; at most|a directory"):
        file_bytes(no_file)


@pytest.mark.parametrize("ending", [".json", ".csv", ".onnx", ".tflite", ".npz", ".parquet"])
def test_every_reader_of_networks_and_traces_refuses_pipes_and_devices(tmp_path: Path, ending: str) -> None:
    if ending in {".onnx", ".tflite"}:
        pytest.importorskip(ending[1:])
    pipe, device = tmp_path / f"p{ending}", tmp_path / f"d{ending}"
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    read = load_trace if ending in {".npz", ".parquet"} else load_network
    for path in (pipe, device):
        with pytest.raises(FileProblem, match="is no regular file but a pipe or a device"):
            read(path)


def test_text_is_read_with_any_ends_of_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\rc\n")
    assert file_text(path) == "a\nb\nc\n"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(FileProblem, match="is not a text file"):
        file_text(path)


def test_a_file_whose_name_is_no_text_gives_a_network_a_name_that_can_be_written(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xffnet.csv"))
    path.write_text("Layer,M,K,N,\na,1,64,32,\n")
    assert load_network(path).name == r"\xffnet"
