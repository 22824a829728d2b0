"""`lacuna verdict`, and the compiler's steps on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.lacuna.lacuna_runner import Lacuna


def test_the_verdict_as_json(lacuna: Lacuna) -> None:
    ran = lacuna("verdict", "lcnet_resnet20_50_cifar10", "-d", "cortex_m4", "--limit", 20, "--json")
    data = json.loads(ran.out)
    assert [row["name"] for row in data["savings"]][::8] == ["as written", "oracle"]
    for row in data["savings"]:
        assert row["latency_saved"] == pytest.approx(1 - row["latency_us"] / row["dense_latency_us"])


def test_what_turns_the_sign_is_told_in_words(lacuna: Lacuna) -> None:
    ran = lacuna("verdict", "lcnet_resnet20_50_cifar10", "-d", "edge_npu_32x32", "--limit", 40)
    assert "time than dense" in ran.out
    assert re.search(r"channels cannot be skipped +[\d.]+ % slower", ran.out)


def test_steps_are_left_out_by_name(lacuna: Lacuna, trace: Path, tmp_path: Path) -> None:
    """Scores left as products take longer; `all` is as written."""
    latency = {}
    for label, options in {"compiled": [], "unfolded": ["fold"], "written": ["all"]}.items():
        without = [part for step in options for part in ("--without", step)]
        ran = lacuna("replay", trace, "-d", "edge_npu_16x16", *without, "--json", "-o", tmp_path / label)
        latency[label] = json.loads(ran.out)["latency_us"]["mean"]
    assert latency["compiled"] < latency["unfolded"] < latency["written"]
    policy = json.loads((tmp_path / "written" / "policy.json").read_text())
    assert policy["fold"] is False
    assert policy["pin"] is False


def test_an_unknown_step_is_refused_with_the_nearest(lacuna: Lacuna, trace: Path, tmp_path: Path) -> None:
    ran = lacuna("replay", trace, "-d", "edge_npu_16x16", "--without", "folds", "-o", tmp_path / "r")
    assert ran.code == 2
    assert "'folds': no such step; did you mean 'fold'" in ran.err
