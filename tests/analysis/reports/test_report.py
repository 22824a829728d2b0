"""Reports from folders on disk: what they say, that names are only names, that bytes repeat, what is refused."""

import base64
import gzip
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from accel_models import load_design
from analysis.figures.charts import script_safe
from analysis.figures.report.story import StoryInfo
from analysis.reports.folders import find_results
from analysis.reports.provenance import command
from analysis.reports.replays.view import MisfitView, ReplayView, read_views, trace_of_replays
from analysis.reports.replays.words import (
    energy_saved,
    latency_saved,
    macs_saved,
    network_words,
    replay_words,
)
from analysis.reports.report import page_on, write_report
from analysis.sweeps.folder.manifest import read_manifest
from analysis.sweeps.folder.store import Store
from analysis.sweeps.spaces.file import load_space
from analysis.sweeps.sweep import sweep
from simulator import (
    Arrivals,
    DoesNotFit,
    Policy,
    StreamSettings,
    estimate,
    load_results,
    load_stream,
    replay,
    stream,
)
from tests.report_folders import (
    HOSTILE,
    HOSTILE_FOLDER,
    replay_folder,
    save_as_written,
    small_trace,
    sweep_folder,
    sweep_row,
)
from traces.base.errors import FileProblem
from traces.files.storage import load_trace, save_trace

DESIGNS = {"npu": "edge_npu_16x16", "core": "cortex_m7", HOSTILE_FOLDER: "gemmini_16x16"}


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return replay_folder(tmp_path_factory.mktemp("replays"), DESIGNS)


@pytest.fixture(scope="module")
def page(replays: Path) -> str:
    return write_report(replays).read_text(encoding="utf-8")


def views_in(*folders: Path) -> tuple[ReplayView | MisfitView, ...]:
    return read_views(find_results(folders).replays)


class Reader(HTMLParser):
    """Collects elements, ids, links and the words outside scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.outside: list[str] = []
        self.words: list[str] = []
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag in {"script", "style"}:
            self._inside.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name == "href" and value:
                self.links.append(value)
            if name in {"src", "srcset", "action", "data"}:
                self.outside.append(f"{tag} {name}={value}")
            if name.startswith("on"):
                self.outside.append(f"{tag} {name}")

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.words.append(data)


def test_it_needs_nothing_but_itself(page: str) -> None:
    reader = Reader(page)
    assert reader.outside == []
    assert "link" not in reader.tags
    assert "default-src 'none'" in page
    (packed,) = re.findall(r'<script type="application/gzip" id="plotly">([A-Za-z0-9+/=]*)</script>', page)
    assert "plotly.js v" in gzip.decompress(base64.b64decode(packed)).decode()[:200]


def test_every_link_leads_somewhere_and_every_anchor_is_one(page: str) -> None:
    reader = Reader(page)
    assert all(link.startswith("#") for link in reader.links)
    assert {link[1:] for link in reader.links} <= set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))


def test_every_design_has_a_section_and_the_front_leads_to_it(replays: Path, page: str) -> None:
    anchors = [view.name.key for view in views_in(replays)]
    assert len(anchors) == 3
    assert set(anchors) <= set(Reader(page).ids)
    front = json.loads(_chart(page, "pareto-latency-energy"))
    assert {point[1] for trace in front["data"][1:] for point in trace["customdata"]} == set(anchors)


def test_a_hostile_name_is_shown_and_never_run(page: str) -> None:
    reader = Reader(page)
    assert HOSTILE_FOLDER in "".join(reader.words)
    assert "img" not in reader.tags
    assert "<img" not in page
    for data in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL):
        assert not set("<>&") & set(data)
        json.loads(data)


def test_json_in_a_script_cannot_end_it() -> None:
    text = script_safe({"name": "</script><!--&"})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"name": "</script><!--&"}


def test_the_same_results_give_the_same_bytes(replays: Path, page: str, tmp_path: Path) -> None:
    assert write_report(replays, tmp_path / "again.html").read_text(encoding="utf-8") == page


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
    assert npu.written is not None
    alone = load_results(folder / "npu.as_written").replayed
    assert npu.written.latency_us == alone.latency_us
    (story,) = (p.info for p in page_on(folder).pictures if isinstance(p.info, StoryInfo))
    worths = {row.label: row.latency for group in story.groups for row in group.rows if row.latency}
    assert worths["cortex_m7"].written is None
    assert worths["edge_npu_16x16"].written == pytest.approx(latency_saved(alone))
    assert "Latency as written" in write_report(folder).read_text(encoding="utf-8")


def test_settings_and_policies_are_named_and_what_is_alike_by_its_folder(tmp_path: Path) -> None:
    trace, npu = small_trace(), load_design("edge_npu_16x16")
    small = load_design("edge_npu_16x16", {"array.rows": 8})
    for folder, design, policy in (
        ("a", npu, Policy()), ("b", small, Policy(batch=4)), ("c", npu, Policy()), ("d", npu, Policy(fold=False)),
    ):  # fmt: skip
        replay(trace, design, policy=policy).save(tmp_path / folder)
    views = views_in(tmp_path)
    assert [view.name.label for view in views] == [
        "edge_npu_16x16 (a)",
        "edge_npu_16x16, array.rows=8, batch 4",
        "edge_npu_16x16 (c)",
        "edge_npu_16x16, without fold",
    ]
    keys = [view.name.key for view in views]
    assert len(set(keys)) == 4
    assert keys[1] == "lcnet-resnet8_edge-npu-16x16-array-rows-8-batch-4"


def test_pictures_of_one_replay(replays: Path) -> None:
    own = {f"lcnet-resnet8_edge-npu-16x16_{kind}" for kind in (
        "latency", "tail", "waterfall-latency", "waterfall-energy", "ops", "roofline", "timeline",
    )}  # fmt: skip
    keys = {picture.key for picture in page_on(replays / "npu").pictures}
    assert keys == own | {"energy-parts", "lcnet-resnet8_layers-rate", "lcnet-resnet8_layers-utilization"}


def test_what_compares_stands_open_and_each_replay_is_folded(replays: Path) -> None:
    page = page_on(replays)
    main = [picture.key for picture in page.main_pictures]
    assert main[0] == "worth"
    assert len(main) <= 12
    assert {
        "losses-latency",
        "losses-energy",
        "latency-spread",
        "pareto-latency-energy",
        "energy-parts",
    } < set(main)
    folded = {picture.key for picture in page.pictures} - set(main)
    assert len([key for key in folded if key.endswith("_waterfall-latency")]) == 3


def test_a_trace_adds_what_differs_by_class(replays: Path) -> None:
    by_class = {"lcnet-resnet8_execution-by-class", "lcnet-resnet8_work-by-class"}
    assert by_class <= {picture.key for picture in page_on(replays).pictures}
    alone = {picture.key for picture in page_on(replays / "npu", replays / "trace.parquet").pictures}
    assert by_class <= alone


def test_the_trace_is_found_among_results(replays: Path) -> None:
    assert trace_of_replays(replays) == replays / "trace.parquet"
    assert trace_of_replays(replays / "npu") is None


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
        (Policy(), "--prefetch wait --limit"),
        (Policy(prefetch="predict", theta=0.7), "--prefetch predict --theta 0.7 --limit"),
        (Policy(batch=4), "--prefetch wait --batch 4 --batch-order arrival --compaction union --limit"),
    ],
)
def test_the_command_names_whatever_the_policy_changes(replays: Path, policy: Policy, words: str) -> None:
    view = views_in(replays / "npu")[0]
    assert words in command(replace(view, results=replace(view.results, policy=policy)))


def test_a_sweep_reports_its_front_and_what_did_not_fit(tmp_path: Path) -> None:
    text = write_report(sweep_folder(tmp_path / "sweep", 30)).read_text(encoding="utf-8")
    reader = Reader(text)
    words = "".join(reader.words)
    assert {f"point-{i}" for i in range(30) if i % 7 == 3} <= set(reader.ids)
    assert {link[1:] for link in reader.links} <= set(reader.ids)
    assert "Objectives: mean latency small, mean energy small, area small, accuracy large" in words
    assert "Of 30 points 4 do not fit" in words
    assert words.count(HOSTILE) == 5  # four reasons and the space file, letter by letter
    assert "img" not in reader.tags
    assert "c0ffee" in words
    assert 'id="plotly"' not in text  # its pictures need no library
    assert len(text) < 200_000


def test_every_point_of_a_sweep_can_be_explored(tmp_path: Path) -> None:
    page = page_on(sweep_folder(tmp_path / "sweep", 30))
    (info,) = (section.explorer for section in page.sections if section.explorer)
    assert len(info.keys) == 26
    roles = [(column.name, column.role) for column in info.columns]
    assert roles[:5] == [
        ("latency_us", "objective"), ("energy_uj", "objective"), ("area_mm2", "objective"), ("accuracy", "objective"),
        ("array.rows", "axis"),
    ]  # fmt: skip
    latency, rows = info.columns[0], info.columns[4]
    assert latency.values[:4] == (100.0, 101.0, 102.0, 104.0)  # the fourth does not fit
    assert [rows.labels[int(place)] for place in rows.values[:4] if place is not None] == ["1", "2", "3", "5"]
    costs = list(zip(*(column.values for column in info.columns[:3]), strict=True))
    for i, best in enumerate(info.front):
        beaten = any(all(x <= y for x, y in zip(o, costs[i], strict=True)) and o != costs[i] for o in costs)
        assert best is not beaten
    assert sorted(info.order) == list(range(26))


def test_a_point_is_replayed_and_its_page_linked(tmp_path: Path) -> None:
    save_trace(small_trace(), tmp_path / "t.parquet")
    space = "designs: [edge_npu_16x16]\nset: {array.rows: [8, 16]}\nnetworks: [t.parquet]\ninputs: 20\n"
    (tmp_path / "space.yaml").write_text(space)
    results = sweep(load_space(tmp_path / "space.yaml"), tmp_path / "sweep")
    report = write_report(tmp_path / "sweep", points=1)
    (folder,) = (tmp_path / "sweep" / "points").iterdir()
    (row,) = (row for row in results.rows if row.key.startswith(folder.name))
    replayed = load_results(folder).replayed
    assert (replayed.inputs, replayed.latency_us.mean) == (20, pytest.approx(row.latency_us))
    assert (folder / "report.html").is_file()
    (info,) = (section.explorer for section in page_on(report.parent).sections if section.explorer)
    assert [page for page in info.pages if page] == [f"points/{folder.name}/report.html"]
    assert info.commands[0].startswith("lacuna replay ")
    assert info.commands[0].endswith("--design edge_npu_16x16 %s --limit 20 --out DIR")


def test_a_sweep_in_which_nothing_fits_says_so(tmp_path: Path) -> None:

    folder = sweep_folder(tmp_path / "none", 0)
    store = Store.open(folder, read_manifest(folder), resume=True)
    store.add([sweep_row(3, "edge_npu_16x16")])
    store.finish()
    assert "No design fits" in write_report(folder).read_text(encoding="utf-8")


def test_several_folders_and_files_are_reported_together(replays: Path, tmp_path: Path) -> None:
    """Replays are paired by input, streams have their tails, an estimate its ops, a sweep its explorer."""
    trace = load_trace(replays / "trace.parquet")
    npu = load_design("edge_npu_16x16")
    stream(trace, npu, StreamSettings(arrivals=Arrivals(rate_hz=2000.0), deadline_s=1e-3)).save(
        tmp_path / "s"
    )
    (tmp_path / "ops.csv").write_text(estimate(trace.graph, npu).to_csv(), encoding="utf-8")
    places = (
        replays / "npu",
        replays / "core",
        tmp_path / "s",
        tmp_path / "ops.csv",
        sweep_folder(tmp_path / "x", 30),
    )
    text = write_report(places, tmp_path / "all.html").read_text(encoding="utf-8")
    reader = Reader(text)
    words = "".join(reader.words)
    assert len(reader.ids) == len(set(reader.ids))
    assert {link[1:] for link in reader.links} <= set(reader.ids)
    of = "Op by op: LC-Net ResNet-8 on edge_npu_16x16"
    for told in ("Input by input", "Frames that arrive in time", of, "26 of them fit", "30 designs explored"):
        assert told in words
    assert words.count("Where the numbers come from") == 2  # in the list of sections, and above them all
    a, b = (load_results(replays / name).replayed.latency_us.mean for name in ("npu", "core"))
    assert f"{100 * (b / a - 1):+.1f} %" in words
    figures = load_stream(tmp_path / "s").figures
    assert f"{100 * figures.miss_rate:.1f}\u00a0%" in words
    with pytest.raises(FileProblem, match="--out"):
        write_report(places)
    with pytest.raises(FileProblem, match="second sweep"):
        write_report((tmp_path / "x", tmp_path / "x"), tmp_path / "two.html")


def test_a_folder_of_streams_is_a_report(replays: Path, tmp_path: Path) -> None:
    trace = load_trace(replays / "trace.parquet")
    for name, rate in (("slow", 100.0), ("fast", 1e6)):
        asked = StreamSettings(arrivals=Arrivals(rate_hz=rate), deadline_s=1e-3, frames=30)
        stream(trace, load_design("edge_npu_16x16"), asked).save(tmp_path / name)
    words = "".join(Reader(write_report(tmp_path).read_text(encoding="utf-8")).words)
    assert "2 streams" in words
    assert "faster than they can be served" in words
    (tmp_path / "slow" / "stream.json").write_text("{}")
    with pytest.raises(FileProblem, match=r"stream\.json"):
        write_report(tmp_path)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "layer,op\n"])
def test_a_table_that_is_no_estimate_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(FileProblem, match="no table of `lacuna estimate"):
        write_report(tmp_path / "t.csv", tmp_path / "page.html")


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_folder_without_results_is_refused_with_what_was_looked_for(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileProblem, match=name) as problem:
        write_report(tmp_path / name)
    assert "folder" in str(problem.value)
    assert not (tmp_path / name / "report.html").exists()


def test_a_report_into_a_missing_folder_is_refused(replays: Path, tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="no such folder"):
        write_report(replays / "npu", tmp_path / "nowhere" / "report.html")


def _chart(page: str, key: str) -> str:
    found = re.search(rf'id="data-{key}">(.*?)</script>', page, re.DOTALL)
    assert found
    return found.group(1)
