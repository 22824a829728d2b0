"""Which pictures a report of replays has, and which of them stand open."""

from pathlib import Path

from analysis.reports.replays.view import trace_of_replays
from analysis.reports.report import page_on


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
