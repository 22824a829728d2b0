"""What a report says of replays: words that follow from figures, names that tell them apart, sources of numbers."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from accel_models import load_design
from analysis.figures.report.story import StoryInfo
from analysis.reports.provenance import replay_command
from analysis.reports.replays.view import MisfitView, ReplayView
from analysis.reports.replays.words import (
    energy_saved,
    latency_saved,
    macs_saved,
    network_words,
    replay_words,
)
from analysis.reports.report import page_on, write_report
from simulator import (
    DoesNotFit,
    Policy,
    load_results,
    replay,
)
from tests.analysis.reports.report_reader import Reader, views_in
from tests.report_folders import (
    HOSTILE,
    replay_folder,
    save_as_written,
    small_trace,
)
from tests.shared import there


def test_the_words_say_what_the_figures_say(replays: Path) -> None:
    view = next(view for view in views_in(replays) if view.folder == "npu")
    assert isinstance(view, ReplayView)
    figures = view.figures
    assert macs_saved(figures) == pytest.approx(1 - figures.macs / figures.dense.macs)
    assert latency_saved(figures) == pytest.approx(1 - figures.latency_us.mean / figures.dense.latency_us)
    assert energy_saved(figures) == pytest.approx(1 - figures.energy_uj.mean / figures.dense.energy_uj)
    words = "\n".join(replay_words(view)).replace("\u00a0", " ")
    assert f"skip {100 * macs_saved(figures):.1f} % of the MACs" in words
    assert f"{100 * latency_saved(figures):.1f} % of the latency" in words
    losses = {loss.name: loss.amount for loss in figures.waterfall.latency.losses}
    assert (
        f"the largest loss from MACs to latency is {max(losses, key=lambda k: losses[k])}".lower()
        in words.lower()
    )


def test_a_network_is_told_in_one_sentence_from_its_worst_to_its_best_design(replays: Path) -> None:
    views = [view for view in views_in(replays) if isinstance(view, ReplayView)]
    order = sorted(views, key=lambda view: latency_saved(view.figures))
    words = network_words(views).replace("\u00a0", " ")
    assert words.index(order[0].name.label) < words.index(order[-1].name.label)
    assert f"{100 * latency_saved(order[-1].figures):.1f} % faster ({order[-1].name.label})" in words
    assert "-" not in re.sub(r"[a-z]-|-[a-z]", "", words)  # what is slower is called slower
    figures = order[0].figures
    slow = figures.latency_us.model_copy(update={"mean": 1.66 * figures.dense.latency_us})
    slower = figures.model_copy(update={"latency_us": slow})
    words = network_words([replace(order[0], figures=slower)]).replace("\u00a0", " ")
    assert f"66.0 % slower on {order[0].name.label}" in words


def test_a_replay_as_written_stands_beside_the_compiled_one(tmp_path: Path) -> None:
    designs = {"npu": "edge_npu_16x16", "core": "cortex_m7"}
    folder = replay_folder(tmp_path / "both", designs)
    save_as_written(folder, {"npu": "edge_npu_16x16"})
    views = {view.folder: view for view in views_in(folder)}
    assert set(views) == {"npu", "core"}
    npu, core = views["npu"], views["core"]
    assert isinstance(npu, ReplayView)
    assert isinstance(core, ReplayView)
    assert core.written is None
    alone = load_results(folder / "npu.as_written").replayed
    assert there(npu.written).latency_us == alone.latency_us
    (story,) = (p.info for p in page_on(folder).pictures if isinstance(p.info, StoryInfo))
    worths = {row.label: row.latency for group in story.groups for row in group.rows if row.latency}
    assert worths["Cortex-M7"].written is None
    assert worths["Edge NPU 16\u00a0x\u00a016"].written == pytest.approx(latency_saved(alone))
    assert "Latency as written" in write_report(folder).read_text(encoding="utf-8")


def test_settings_and_policies_are_named_and_what_is_alike_by_its_folder(tmp_path: Path) -> None:
    trace, npu = small_trace(), load_design("edge_npu_16x16")
    small = load_design("edge_npu_16x16", {"array.rows": 8})
    for folder, design, policy in (
        ("a", npu, Policy()), ("b", small, Policy(batch=4)), ("c", npu, Policy()), ("d", npu, Policy(fold=False)),
    ):  # fmt: skip
        replay(trace, design, policy=policy).save(tmp_path / folder)
    views = views_in(tmp_path)
    assert [view.name.label.replace("\u00a0", " ") for view in views] == [
        "Edge NPU 16 x 16 (a)",
        "Edge NPU 16 x 16, array rows 8, batch 4",
        "Edge NPU 16 x 16 (c)",
        "Edge NPU 16 x 16, without fold",
    ]
    assert [view.name.typed for view in views] == [
        "edge_npu_16x16 (a)",
        "edge_npu_16x16, array.rows=8, batch 4",
        "edge_npu_16x16 (c)",
        "edge_npu_16x16, without fold",
    ]
    keys = [view.name.key for view in views]
    assert len(set(keys)) == 4
    assert keys[1] == "lcnet-resnet8_edge-npu-16x16-array-rows-8-batch-4"


def test_a_design_that_does_not_fit_is_listed_with_its_reason(tmp_path: Path) -> None:

    folder = replay_folder(tmp_path / "both", {"npu": "edge_npu_16x16"}, timeline=0)
    good = load_results(folder / "npu")
    misfit = DoesNotFit(
        network=good.replayed.network,
        design=good.design.name,
        design_hash=good.design.hash,
        seed=0,
        engine="fast",
        inputs=0,
        reason=f"op 'stem' {HOSTILE}",
        demand=64,
        bound=32,
    )
    results = replace(good, figures=misfit, columns={}, ops=(), timeline="")
    results.save(folder / "tiny")
    assert [type(view) for view in views_in(folder)] == [ReplayView, MisfitView]
    words = "".join(Reader(write_report(folder).read_text(encoding="utf-8")).words)
    assert "What did not fit" in words
    assert results.reason in words
    only = write_report(folder / "tiny").read_text(encoding="utf-8")
    assert "What did not fit" in only


def test_provenance_holds_hashes_versions_sources_and_the_command(replays: Path, page: str) -> None:
    words = "".join(Reader(page).words)
    for view in views_in(replays):
        summary = view.results.replayed
        assert summary.design_hash in words
        assert summary.trace_hash in words
        for source in view.results.design.sources.values():
            assert source in words
    assert "lacuna replay TRACE --design design.yaml --prefetch wait --limit 60 --out DIR" in words
    assert small_trace().info.model_name in words


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Policy(), "--prefetch wait --limit 60"),
        (Policy(prefetch="predict", theta=0.7), "--prefetch predict --theta 0.7 --limit 60"),
        (Policy(batch=4), "--prefetch wait --batch 4 --batch-order arrival --compaction union --limit 60"),
    ],
)
def test_the_command_names_whatever_the_policy_changes(policy: Policy, words: str) -> None:
    made = replay_command("my trace.parquet", policy, 60)
    assert made == f"lacuna replay 'my trace.parquet' --design design.yaml {words}"
