"""What a notebook shows: short words, escaped HTML, and figures for which nothing is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lacuna as lc
from analysis.names import design_words
from analysis.pareto.front import find_front
from analysis.sweeps.folder.results import load_sweep
from tests.report_folders import sweep_folder


@pytest.fixture(scope="module")
def results() -> lc.Results:
    trace = lc.synthetic_trace(lc.cifar_resnet(8, "both"), 16, seed=3)
    return lc.replay(trace, lc.load_design("edge_npu_16x16"), timeline=2)


def test_words_and_cards_are_short(results: lc.Results) -> None:
    trace = lc.load_trace("lcnet_resnet20_30_cifar10", 8)
    for value in (results, trace, trace.graph, results.design):
        assert len(repr(value)) < 250
        html = value._repr_html_()
        assert len(html) < 2500
        assert html.startswith("<div><strong>")
    assert "p99" in repr(results)
    assert "9 layer, 9 channel" in repr(trace)


def test_answers_are_told_in_a_line_and_a_card(results: lc.Results) -> None:
    trace = lc.load_trace("lcnet_resnet20_30_cifar10", 8)
    design = lc.load_design("edge_npu_16x16", {"array.rows": 8})
    answers = (
        lc.estimate(trace.graph, design),
        results.summary(),
        lc.sensitivity(trace, design),
        lc.verdict(trace, design),
        lc.compare(results, results),
    )
    for value in answers:
        assert len(repr(value)) < 250, repr(value)
        assert value._repr_html_().startswith("<div><strong>")
    assert all("array.rows=8" in repr(value) for value in (answers[0], answers[2], answers[3]))
    gains = answers[2].to_frame()
    assert gains["latency_saved"].is_monotonic_decreasing
    assert gains["latency_us"][0] == answers[2].changes[0].latency_us
    steps = answers[3].to_frame()
    assert (steps["step"][0], steps["step"].iloc[-1]) == ("as written", "oracle")
    assert steps["energy_saved"].tolist() == [saving.energy_saved for saving in answers[3].savings]


def test_large_figures_have_no_exponent(results: lc.Results) -> None:
    core = lc.replay(lc.synthetic_trace(lc.cifar_resnet(8, "both"), 4, seed=3), lc.load_design("cortex_m4"))
    assert core.replayed.latency_us.mean > 1e4
    for told in (repr(core), repr(core.summary())):
        assert f"latency {core.replayed.latency_us.mean:,.0f} us" in told


def test_a_sweep_shows_what_was_varied_and_what_came_of_it(tmp_path: Path) -> None:
    table = load_sweep(sweep_folder(tmp_path, 30))._repr_html_()
    heads = re.findall(r"<th>([^<]*)</th>", table)
    asked = ["design", "trace", "array.rows", "latency_us", "energy_uj", "area_mm2", "accuracy"]
    assert heads == [*asked, "reason"]  # some do not fit


def test_names_are_escaped(results: lc.Results) -> None:
    design = results.design.model_copy(update={"name": "<script>alert(1)</script>"})
    assert "<script" not in design._repr_html_()


@pytest.mark.parametrize("kind", ["waterfall", "cdf", "ops", "timeline", "roofline"])
def test_figures_are_objects_and_nothing_is_written(
    results: lc.Results, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    drawn = getattr(results.plot, kind)()
    assert len(drawn.axes) >= 1
    moving = getattr(results.plot, kind)(interactive=True)
    assert len(moving.data) >= 1
    assert design_words(results.design) in moving.layout.title.text
    assert list(tmp_path.iterdir()) == []


def test_the_waterfall_of_energy_is_another(results: lc.Results) -> None:
    latency, energy = (results.plot.waterfall(name, interactive=True) for name in ("latency", "energy"))
    assert latency.to_json() != energy.to_json()


def test_what_was_not_kept_says_how_to_keep_it() -> None:
    trace = lc.synthetic_trace(lc.cifar_resnet(8, "layer"), 2)
    results = lc.replay(trace, lc.load_design("cortex_m4"))
    with pytest.raises(lc.UnsupportedError, match="timeline=3"):
        results.plot.timeline()


def test_a_front_is_a_table(results: lc.Results) -> None:
    frame = results.to_frame().assign(feasible=True)
    front = find_front(frame, ["latency_us", "energy_pj"])
    assert repr(front).startswith(f"<Front: {len(front.to_frame())} points in latency_us, energy_pj")
    assert "<table" in front._repr_html_()
