"""Static figures: every kind is drawn, in every format, with the same bytes each time."""

from pathlib import Path

import pytest

from analysis.figures.drawings import styled_figure, write_picture
from analysis.reports.report import page_on, write_figures
from tests.report_folders import HOSTILE_FOLDER, replay_folder, sweep_folder
from traces.base.errors import ConfigError


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replays")
    return replay_folder(folder, {"npu": "edge_npu_16x16", f"$x_{{{HOSTILE_FOLDER}": "gemmini_16x16"})


def test_every_picture_has_a_title_and_units_on_its_axes(replays: Path) -> None:
    for picture in page_on(replays).pictures:
        figure = styled_figure(picture)
        assert figure.get_suptitle() == picture.title
        axes = figure.axes[0]
        assert axes.get_xlabel(), picture.key
        kind = picture.key.rpartition("_")[2].split("-")[0]
        if kind in {
            "latency",
            "tail",
            "energy",
            "waterfall",
            "roofline",
            "timeline",
            "pareto",
            "worth",
            "losses",
        }:
            assert "[" in axes.get_xlabel(), picture.key


def test_figures_are_written_with_the_keys_of_the_page(replays: Path, tmp_path: Path) -> None:
    paths = write_figures(replays, tmp_path / "dozen")
    keys = [picture.key for picture in page_on(replays).main_pictures]
    assert [path.name for path in paths] == [f"{key}.png" for key in keys]
    assert len(paths) <= 12
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    every = write_figures(replays, tmp_path / "every", every=True)
    names = {path.name for path in every} - {path.name for path in paths}
    assert "lcnet-resnet8_edge-npu-16x16_waterfall-energy.png" in names


def test_every_format_repeats_its_bytes(replays: Path, tmp_path: Path) -> None:
    picture = next(p for p in page_on(replays).pictures if p.key == "pareto-latency-energy")
    formats = ("png", "svg", "pdf")
    first = [path.read_bytes() for path in write_picture(picture, tmp_path, formats)]
    again = [path.read_bytes() for path in write_picture(picture, tmp_path, formats)]
    assert first == again
    assert [data[:4] for data in first] == [b"\x89PNG", b"<?xm", b"%PDF"]


def test_a_crowded_front_is_drawn(tmp_path: Path) -> None:
    pictures = list(page_on(sweep_folder(tmp_path / "sweep", 80)).pictures)
    assert [picture.key for picture in pictures] == [
        "pareto-latency-us-energy-uj",
        "pareto-latency-us-area-mm2",
    ]
    assert styled_figure(pictures[0]).axes[0].get_xlabel() == "Mean latency [µs]"


def test_an_unknown_format_is_refused_with_the_known_ones(replays: Path, tmp_path: Path) -> None:
    picture = next(iter(page_on(replays).pictures))
    with pytest.raises(ConfigError, match=r"'pgn'.*did you mean 'png'"):
        write_picture(picture, tmp_path, ("pgn",))
    assert not list(tmp_path.iterdir())
