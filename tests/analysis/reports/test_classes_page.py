"""docs/networks_by_class.md: rates by class of a small trace by hand, and the page as it ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analysis.reports.classes_page import PAGE, section, write_classes_page
from traces import Trace, TraceInfo, pack_mask
from traces.graphs.resnets import cifar_resnet

ROOT = Path(__file__).parents[3]


def _trace() -> Trace:
    """Four images of two classes, of which the first skips every block and the second runs and keeps all."""
    graph = cifar_resnet(8, gates="both")
    first = np.array([True, True, False, False])
    decisions = {
        gate.name: ~first
        if gate.kind == "layer"
        else pack_mask(np.repeat(~first[:, None], gate.size, axis=1))
        for gate in graph.gates
    }
    return Trace(
        graph=graph,
        info=TraceInfo(model_name="small"),
        labels=np.array([0, 0, 1, 1], np.int32),
        predictions=np.array([0, 1, 1, 1], np.int32),
        decisions=decisions,
    )


def test_each_class_has_its_own_rates() -> None:
    lines = section(_trace()).splitlines()
    airplane, automobile = lines[-2], lines[-1]
    assert lines[1] == "## small"
    assert airplane.startswith("| airplane | 50.0% | ")
    assert " | 0% | " in airplane
    assert automobile.startswith("| automobile | 100.0% | ")
    assert automobile.endswith(" | 100% |")


def test_the_shipped_page_is_todays(tmp_path: Path) -> None:
    fresh = write_classes_page(ROOT / "traces/shipped", tmp_path)
    assert (ROOT / "docs" / PAGE).read_text(encoding="utf-8") == fresh.read_text(encoding="utf-8")
