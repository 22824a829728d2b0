"""Is every key of a design explained, and does what is written from them read back?"""

from __future__ import annotations

import json
import re
from importlib import resources

import pytest

from accel_models import commented_yaml, design_names, design_schema, keys, load_design
from accel_models.design.load import parse_design
from analysis import space_schema
from analysis.reports.keys_page import _ROOT, keys_page
from tests.json_schema import faults
from traces import ConfigError, parse_yaml_mapping


def test_every_key_says_what_it_means() -> None:
    assert [key.path for key in keys() if not key.meaning] == []


def test_a_key_says_unit_default_and_range() -> None:
    found = {key.path: key for key in keys("memory")}
    latency = found["memory.dram.latency"]
    assert latency.unit == "s, ms, us, ns, ps"
    assert latency.bounds == "from 0 s up to 1 s"
    assert latency.needed
    assert found["memory.banks"].default == "1"
    assert found["memory.dram.requests_in_flight"].bounds == "from 1 up to 65,536"
    dataflow = next(key for key in keys("array") if key.path == "array.dataflow")
    assert dataflow.kind == "ws, os, is, rs"


def test_a_section_that_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"memory\.dran: no such setting; did you mean 'memory\.dram"):
        keys("memory.dran")


def test_the_page_is_that_of_the_code() -> None:
    assert (_ROOT / "docs" / "design_keys.md").read_text(encoding="utf-8") == keys_page()


@pytest.mark.parametrize("name", design_names())
def test_a_commented_design_reads_back_equal(name: str) -> None:
    design = load_design(name)
    written = commented_yaml(design, "mine")
    again = parse_design(parse_yaml_mapping(written, "mine"), "mine")
    assert again.name == "mine"
    told = {"name", "description"}
    assert again.model_dump(exclude=told) == design.model_dump(exclude=told)
    assert (
        again.description == f"begun as {name}: {design.description}"
    )  # true also of what is changed by hand
    for key in keys():  # every key of its sections is there, stated or behind a #
        section, _, last = key.path.rpartition(".")
        if (
            "." not in section
            and getattr(design, section or "name", None) is not None
            and key.kind != "section"
        ):
            assert f"{last}:" in written or last == "changed"


@pytest.mark.parametrize("name", design_names())
def test_the_schema_knows_what_designs_state(name: str) -> None:
    schema = design_schema()
    text = (resources.files("accel_models.designs") / f"{name}.yaml").read_text(encoding="utf-8")
    stated = parse_yaml_mapping(text, name)
    assert set(stated) <= set(schema["properties"])
    for section, values in stated.items():
        if isinstance(values, dict) and section != "sources":
            options = json.dumps(schema["properties"][section])
            inner = schema["$defs"][options.partition("#/$defs/")[2].partition('"')[0]]
            assert set(values) <= set(inner["properties"])
            assert inner["additionalProperties"] is False
    assert list(faults(stated, schema, schema)) == []
    own = parse_yaml_mapping(commented_yaml(load_design(name), "mine"), "mine")
    assert list(faults(own, schema, schema)) == []


def test_the_schema_refuses_what_designs_may_not_state() -> None:
    schema = design_schema()
    good = parse_yaml_mapping(commented_yaml(load_design("edge_npu_16x16"), "mine"), "mine")
    for path, value in (
        ("array.rows", 0),
        ("array.dataflow", "xs"),
        ("array.nope", 1),
        ("skip.layers", "yes"),
    ):
        section, _, key = path.partition(".")
        bad = good | {section: good[section] | {key: value}}
        assert any(fault.startswith(f".{section}") for fault in faults(bad, schema, schema)), path


def test_the_schema_of_spaces_takes_those_that_ship_and_of_the_guide() -> None:
    schema = space_schema()
    texts = [path.read_text("utf-8") for path in (_ROOT / "examples").rglob("*space*.yaml")]
    guide = (_ROOT / "docs" / "guide.md").read_text("utf-8")
    texts += [block for block in re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL) if "networks:" in block]
    assert len(texts) >= 2
    for text in texts:
        assert list(faults(parse_yaml_mapping(text, "space"), schema, schema)) == []
    assert list(faults({"designs": ["a"], "objectivs": {}}, schema, schema)) == [".objectivs: unknown"]


# By kind: a name that is not there, a missing one, no unit, out of range, no number, an ambiguous unit, an unknown
# word, a row that a table has not, and in a list of sections both.
TEN = """\
name: ten
description: ten faults
clock: 500
array: {rows: -1, cols: many, dataflow: xs, weight_preloads: serial}
memory:
  activation_buffer: 0 B
  weight_buffer: 64 KB
  accumulator_buffer: 1 KiB
  dram: {latency: 1 h, burst: 64 B, price: lpddr9}
skip: {channels: some}
software: tunned
gate_unit: moon
technology:
  {node: 22 nm, voltage: 0.8 V, operations: horowitz, core_power: cortex_m5,
  prices: [{action: mac, value: 1 pJ, source: " "}]}
sources: {}
"""


def test_a_file_with_more_than_ten_faults_names_all() -> None:
    with pytest.raises(ConfigError) as problem:
        parse_design(parse_yaml_mapping(TEN, "ten"), "ten.yaml")
    message = str(problem.value)
    faults = (
        "array.weight_preloads", "clock", "array.rows", "array.cols", "array.dataflow", "memory.activation_buffer",
        "memory.weight_buffer", "memory.dram.bandwidth is missing", "memory.dram.latency", "memory.dram.price",
        "skip.channels", "software", "gate_unit", "technology.operations", "technology.core_power",
        "technology.prices.0.action", "technology.prices.0.source",
    )  # fmt: skip
    assert [fault for fault in faults if fault not in message] == []
    assert "did you mean 'weight_preload'" in message
    assert len(message) <= 500


def test_what_does_not_go_together_is_all_named_too() -> None:
    settings = {
        "gate_unit": "micronpu", "skip.channels": "tile", "array.dataflow": "os", "array.pixels": 4,
        "array.sum_registers": True,
    }  # fmt: skip
    with pytest.raises(ConfigError) as problem:
        load_design("edge_npu_16x16", settings)
    told = str(problem.value).split("; ")
    assert [fault.partition(" = ")[0].partition(":")[0] for fault in told[1:]] == [
        "skip.group", "array.sum_registers", "array.pixels",
    ]  # fmt: skip
    assert told[0].endswith("gate_unit = 'micronpu', but the design has no micronpu")


def test_more_places_than_there_is_room_for_are_counted() -> None:
    wrong = {f"setting_number_{i:02}": 1 for i in range(40)}
    with pytest.raises(ConfigError) as problem:
        parse_design({"name": "x", "description": "x", "sources": {}, **wrong}, "x.yaml")
    message = str(problem.value)
    named = message.count("setting_number_")
    assert message.endswith(f"and {40 + 2 - named} more")  # clock and technology are missing, too
    assert len(message) <= 500


def test_a_value_where_a_section_is_wanted_is_told_in_words() -> None:
    with pytest.raises(ConfigError, match=r"array = 3: must be a section: keys, each with its value$"):
        load_design("edge_npu_16x16", {"array": 3})
