"""One value, two libraries: the chart and the drawing of every figure show the same marks at the same places."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.patches import Rectangle

import analysis.figures.report
from analysis.figures.charts import HEAD_HEIGHT, figure_of
from analysis.figures.drawings import styled_figure
from analysis.figures.pictures import Picture
from analysis.figures.plain_chart import Chart
from analysis.figures.report.story import StoryInfo
from analysis.reports.report import page_on
from tests.report_folders import replay_folder, save_as_written, sweep_folder
from traces import Floats


@dataclass
class Marks:
    """What a reader sees, in the units of the axes."""

    points: list[tuple[float, float]] = field(default_factory=list)
    bars: list[tuple[float, float, float]] = field(default_factory=list)  # begin, end, row
    cells: list[float] = field(default_factory=list)  # a heat map, row by row
    lines: list[tuple[float, ...]] = field(default_factory=list)  # x, then y of each end


def of_chart(chart: Chart) -> Marks:
    """Return the marks of a chart as plotly's JavaScript places them."""
    marks = Marks()
    ends: dict[tuple[float, bool], float] = {}  # where the bars of a row end, on either side of zero
    stacked = chart["layout"].get("barmode") in {"stack", "relative"}
    for trace in chart["data"]:
        match trace["type"]:
            case "bar":
                marks.bars += _stacked(trace, ends) if stacked else _floating(trace)
            case "heatmap":
                marks.cells += [np.nan if z is None else z for row in trace["z"] for z in row]
            case "scatter" if trace["mode"] == "lines":
                marks.lines.append((*trace["x"], *trace["y"]))
            case "scatter":
                marks.points += zip(trace["x"], trace["y"], strict=True)
                marks.lines += _bands(trace)
    marks.lines += [(s["x0"], s["x1"], s["y0"], s["y1"]) for s in chart["layout"].get("shapes", ())]
    return marks


def _stacked(
    trace: dict[str, Any], ends: dict[tuple[float, bool], float]
) -> Iterator[tuple[float, float, float]]:
    for length, row in zip(trace["x"], trace["y"], strict=True):
        begin = ends.get((row, length < 0), 0.0)
        ends[row, length < 0] = begin + length
        yield begin, begin + length, row


def _floating(trace: dict[str, Any]) -> Iterator[tuple[float, float, float]]:
    rows = [
        i if isinstance(row, str) else row for i, row in enumerate(trace["y"])
    ]  # names stand in their order
    for begin, length, row in zip(trace["base"], trace["x"], rows, strict=True):
        yield begin, begin + length, row


def _bands(trace: dict[str, Any]) -> Iterator[tuple[float, ...]]:
    for i, (x, y) in enumerate(zip(trace["x"], trace["y"], strict=True)):
        if "error_x" in trace:
            less, more = trace["error_x"]["arrayminus"][i], trace["error_x"]["array"][i]
            yield x - less, x + more, y, y
            less, more = trace["error_y"]["arrayminus"][i], trace["error_y"]["array"][i]
            yield x, x, y - less, y + more


def of_drawing(axes: Axes) -> Marks:
    """Return the marks of a drawing as matplotlib holds them."""
    marks = Marks()
    for line in axes.lines:
        x, y = (np.asarray(values, np.float64) for values in line.get_data())
        if line.get_marker() == "None":
            marks.lines.append((*x.tolist(), *y.tolist()))
        else:
            marks.points += zip(x.tolist(), y.tolist(), strict=True)
    for patch in axes.patches:
        assert isinstance(patch, Rectangle)
        x0, width, middle = patch.get_x(), patch.get_width(), patch.get_y() + patch.get_height() / 2
        marks.bars.append((x0, x0 + width, middle))
    for collection in axes.collections:
        if isinstance(collection, PathCollection):
            marks.points += [(x, y) for x, y in np.asarray(collection.get_offsets(), np.float64).tolist()]
        elif isinstance(collection, PolyCollection):
            boxes = [path.get_extents() for path in collection.get_paths()]
            marks.bars += [(box.x0, box.x1, (box.y0 + box.y1) / 2) for box in boxes]
    for image in axes.images:
        marks.cells += np.ma.filled(np.ma.asarray(image.get_array()), np.nan).ravel().tolist()
    return marks


def table(rows: list[tuple[float, float]] | list[tuple[float, float, float]], width: int) -> Floats:
    """Return rows in their order of size, those aside that lie nowhere or have no length."""
    found = np.array([[np.nan if v is None else v for v in row] for row in rows], np.float64).reshape(
        -1, width
    )
    if width == 3:
        found[:, :2].sort(axis=1)  # a bar below zero begins at its end
        found = found[found[:, 0] != found[:, 1]]
    found = found[~np.isnan(found).any(axis=1)]
    return found[np.lexsort(np.round(found, 9).T)]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Picture, ...]:
    designs = {"npu": "edge_npu_16x16", "core": "cortex_m7", "gemmini": "gemmini_16x16"}
    replays = replay_folder(tmp_path_factory.mktemp("drawn") / "replays", designs)
    save_as_written(replays, {"npu": "edge_npu_16x16"})
    sweep = sweep_folder(replays.parent / "sweep", 80)
    return (*page_on(replays).pictures, *page_on(sweep).pictures)


def kinds() -> set[type]:
    """Return every kind of value in the folder of the report's figures."""
    names = [module.name for module in pkgutil.iter_modules(analysis.figures.report.__path__)]
    modules = [importlib.import_module(f"analysis.figures.report.{name}") for name in names]
    found = {value for module in modules for value in vars(module).values() if hasattr(value, "draw")}
    assert len(found) == len(names)  # a figure is a file
    return found


def test_every_kind_of_figure_is_among_them(pictures: tuple[Picture, ...]) -> None:
    assert {type(picture.info) for picture in pictures} == kinds()


def test_chart_and_drawing_show_the_same_marks(pictures: tuple[Picture, ...]) -> None:
    for picture in pictures:
        if isinstance(picture.info, StoryInfo):
            continue
        chart, drawing = of_chart(picture.info.chart()), of_drawing(styled_figure(picture).axes[0])
        said = picture.key
        np.testing.assert_allclose(table(drawing.points, 2), table(chart.points, 2), err_msg=said)
        np.testing.assert_allclose(
            table(drawing.bars, 3), table(chart.bars, 3), rtol=1e-6, atol=1e-9, err_msg=said
        )
        np.testing.assert_allclose(drawing.cells, chart.cells, err_msg=said)
        for line in chart.lines:  # a drawing has some more: where zero is, from the middle to the largest
            assert any(len(line) == len(o) and np.allclose(line, o) for o in drawing.lines), (said, line)
        assert chart.points or chart.bars or chart.cells, said


def test_the_storys_bars_are_what_is_saved(pictures: tuple[Picture, ...]) -> None:
    picture = pictures[0]
    assert isinstance(picture.info, StoryInfo)
    rows = [row for group in picture.info.groups for row in group.rows]
    worths = [worth for row in rows if (worth := row.latency)] + [w for row in rows if (w := row.energy)]
    drawing = of_drawing(styled_figure(picture).axes[0])
    assert [(begin, end) for begin, end, _ in drawing.bars] == [
        (0.0, pytest.approx(100 * w.compiled)) for w in worths
    ]
    written = [100 * worth.written for worth in worths if worth.written is not None]
    assert [x for x, _ in drawing.points] == pytest.approx(written)
    assert len(written) == 2


def test_plotly_takes_every_chart_as_it_is(pictures: tuple[Picture, ...]) -> None:
    """It checks the name and the value of every setting, which a page's script would pass over in silence."""
    for picture in pictures:
        if isinstance(picture.info, StoryInfo):
            continue
        chart, figure = picture.info.chart(), figure_of(picture)
        assert [trace.type for trace in figure.data] == [trace["type"] for trace in chart["data"]]
        assert figure.layout.height == picture.info.chart_height + HEAD_HEIGHT
        assert figure.layout.title.text == picture.title


def test_a_page_tells_the_story_without_a_chart(pictures: tuple[Picture, ...]) -> None:
    with pytest.raises(TypeError, match="in words and bars"):
        figure_of(pictures[0])
