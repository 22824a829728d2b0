"""The explorer as a web page on loopback, by bokeh, which only files of this folder import.

A tap on a point chooses a replay; a slider makes a resource of its design so many times better, and the trace is
replayed.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analysis.figures.palette import BAR_COLOUR, BLUE, GREY, ORANGE, RED
from analysis.figures.report.latency import CDF_POINTS
from analysis.names import RESOURCES, design_words
from analysis.questions.knobs import scaled_resource
from analysis.reports.replays.words import energy_saved, latency_saved, macs_saved, waterfall_infos
from analysis.ui.schemes import fields, follow
from analysis.ui.sources import Setup, ShownPoint, live
from analysis.words import change_words, quantity
from traces import ConfigError, LacunaError

if TYPE_CHECKING:
    from accel_models import Design
    from simulator import Results
    from traces import Trace

ADDRESS: Final = "127.0.0.1"  # loopback alone: results are nobody else's, and nothing here asks who one is
_STEPS: Final = (-3, 3)  # Choice: a resource from an eighth to eight times of what it is
_SLIDER_COLUMNS: Final = 3
_MOST_NAMED: Final = 200  # Choice: of a menu; more points are chosen by a tap
_POLICIES: Final = ["wait", "speculate", "predict", "oracle"]
_WIDE: Final[dict[str, Any]] = {"sizing_mode": "stretch_width"}


def serve(
    points: Sequence[ShownPoint], title: str, *, port: int, limit: int, say: Callable[[str], None]
) -> None:
    """Serve the explorer until Ctrl-C; ``say`` is told the address once it can be opened."""
    try:
        from bokeh.server.server import Server  # noqa: PLC0415  (optional, and slow to import)
    except ModuleNotFoundError:
        raise ConfigError("the explorer needs bokeh: install lacuna[ui]") from None

    def document(doc: Any) -> None:
        doc.title = title
        explorer = _Explorer(points, title, limit)
        doc.add_root(explorer.layout)
        follow(doc, explorer.plots)

    hosts = [f"{host}:{port}" for host in (ADDRESS, "localhost")]
    try:
        server = Server({"/": document}, port=port, address=ADDRESS, allow_websocket_origin=hosts)
    except OSError as problem:
        raise ConfigError(f"--port {port}: cannot be served: {problem.strerror or problem}") from None
    server.start()
    say(f"http://{ADDRESS}:{server.port}/")
    server.io_loop.start()


@lru_cache(maxsize=4)
def _inputs(path: Path, limit: int) -> Trace:
    from traces import load_inputs  # noqa: PLC0415  (pulls in pyarrow)

    return load_inputs(path, limit)


class _Explorer:
    """One reader's page."""

    def __init__(self, points: Sequence[ShownPoint], title: str, limit: int) -> None:
        from bokeh.layouts import column  # noqa: PLC0415  (optional)
        from bokeh.models import ColumnDataSource, Div  # noqa: PLC0415

        self._points, self._limit = points, limit
        self._setup: Setup | None = None
        self._chosen = 0
        self._factors: dict[str, float] = {}
        self._names = ColumnDataSource(_point_columns(points))
        self._bars = ColumnDataSource({"name": [], "left": [], "right": [], "colour": [], "label": []})
        self._now, self._before, self._dense = (
            ColumnDataSource({"latency": [], "share": []}) for _ in range(3)
        )
        heading = f"<h1 style='font-size:1.3rem;margin:0'>{html.escape(title)}</h1>"
        self._head = Div(text=heading, stylesheets=fields())
        self._told = Div(text="", name="told", sizing_mode="stretch_width", stylesheets=fields())
        self._names_menu, self._policy = _names_menu(points), _policy_menu()
        self._sliders = [column(**_WIDE, min_width=200) for _ in range(_SLIDER_COLUMNS)]
        self._front, self._fall = _front_figure(self._names), _fall_figure(self._bars)
        self._cdf = _cdf_figure(self._now, self._before, self._dense)
        self.plots = [self._front, self._fall, self._cdf]
        self.layout = self._laid_out()
        self._names_menu.on_change("value", lambda attr, old, new: self._choose([int(new)]))
        self._policy.on_change("value", lambda attr, old, new: self._replay())
        self._names.selected.on_change("indices", lambda attr, old, new: self._choose(new))
        self._choose([0])

    def _laid_out(self) -> Any:
        """Return the page: what is chosen at the left, what its replay says at the right, or below it."""
        from bokeh.layouts import column, row  # noqa: PLC0415  (optional)

        wrapped = {**_WIDE, "styles": {"flex-wrap": "wrap"}}  # below each other where there is no room
        chosen = [self._front, self._names_menu, self._told, self._policy]
        left = column(*chosen, **_WIDE, min_width=340, max_width=480)
        right = column(row(*self._sliders, **wrapped), self._fall, self._cdf, **_WIDE, min_width=340)
        return column(self._head, row(left, right, **wrapped), **_WIDE)

    def _choose(self, indices: Sequence[int]) -> None:
        if not indices:
            return
        self._chosen = indices[0]
        if self._chosen < _MOST_NAMED:
            self._names_menu.value = str(self._chosen)
        try:
            self._setup = self._points[self._chosen].setup()
        except LacunaError as problem:
            self._setup = None
            self._told.text = f"<p role='alert'>{html.escape(str(problem))}</p>"
            return
        self._factors = {}
        design = self._setup.design
        sliders = [self._slider(design, path) for path in RESOURCES if _spelled(design, path, 1.0)]
        for i, part in enumerate(self._sliders):
            part.children = sliders[i::_SLIDER_COLUMNS]
        self._policy.value = self._setup.policy.prefetch
        self._before.data = {"latency": [], "share": []}
        self._replay()

    def _slider(self, design: Design, path: str) -> Any:
        from bokeh.models import CustomJSTickFormatter, Slider  # noqa: PLC0415  (optional)

        low, high = _STEPS
        words = [_spelled(design, path, 2.0**step) for step in range(low, high + 1)]
        shown = CustomJSTickFormatter(args={"words": words, "low": low}, code="return words[tick - low]")
        slider = Slider(
            start=low, end=high, value=0, step=1, format=shown, name=path, title=RESOURCES[path],
            sizing_mode="stretch_width", stylesheets=fields(),
        )  # fmt: skip

        def moved(attr: str, old: int, new: int) -> None:
            self._factors[path] = 2.0**new
            self._replay()

        slider.on_change("value", moved)
        return slider

    def _replay(self) -> None:
        """Replay with what the sliders say, and show it beside the design as it is."""
        if self._setup is None:
            return
        try:
            trace = _inputs(self._setup.network, self._limit)
            results, _ = live(trace, self._setup, self._factors, self._policy.value, self._limit)
        except LacunaError as problem:
            self._told.text = f"<p role='alert'>{html.escape(str(problem))}</p>"
            return
        self._show(results)

    def _show(self, results: Results) -> None:
        figures = results.explained
        bars = waterfall_infos(figures)[0].bars
        self._fall.y_range.factors = [bar.name for bar in bars][::-1]
        self._bars.data = {
            "name": [bar.name for bar in bars],
            "left": [bar.bottom for bar in bars],
            "right": [bar.top for bar in bars],
            "colour": [BAR_COLOUR[bar.kind] for bar in bars],
            "label": [bar.label for bar in bars],
        }
        curve = _curve(np.asarray(results.columns["latency_us"], np.float64))
        if not self._before.data["latency"]:
            self._before.data = curve
        self._now.data = curve
        dense = figures.dense.latency_us
        self._dense.data = {"latency": [dense, dense], "share": [0.0, 1.0]}
        self._told.text = _told(self._points[self._chosen].name, results)


def _spelled(design: Design, path: str, factor: float) -> str:
    """Return a resource of so many times what the design has, as a design states it; nothing of one it lacks."""
    scaled = scaled_resource(design, path, factor)
    return scaled[1][1] if scaled else ""


def _names_menu(points: Sequence[ShownPoint]) -> Any:
    from bokeh.models import Select  # noqa: PLC0415  (optional)

    names = [(str(i), point.name) for i, point in enumerate(points[:_MOST_NAMED])]
    return Select(title="Replay", value="0", options=names, name="replay", **_WIDE, stylesheets=fields())


def _policy_menu() -> Any:
    from bokeh.models import Select  # noqa: PLC0415  (optional)

    return Select(
        title="Weights behind a gate", value="wait", options=_POLICIES, name="policy", stylesheets=fields()
    )


def _told(name: str, results: Results) -> str:
    """Return what the replay says, in words; names are only names."""
    s = results.explained
    rows = (
        ("Design", design_words(results.design)),
        ("MACs", f"{change_words(macs_saved(s), 'less', 'more')} than dense"),
        (
            "Latency",
            f"{quantity(s.latency_us.mean, 'us')}, {change_words(latency_saved(s), 'faster', 'slower')} than dense",
        ),
        ("p99", quantity(s.latency_us.p99, "us")),
        (
            "Energy",
            f"{quantity(s.energy_uj.mean, 'uJ')}, {change_words(energy_saved(s), 'less', 'more')} than dense",
        ),
        ("Inputs", f"the first {s.inputs:,}"),
    )
    cells = "".join(
        f"<tr><th align='left'>{name}</th><td>{html.escape(text)}</td></tr>" for name, text in rows
    )
    return f"<h2 style='font-size:1rem'>{html.escape(name)}</h2><table id='told'>{cells}</table>"


def _curve(latency: Any) -> dict[str, list[float]]:
    """Return the share of inputs that have ended by each latency."""
    ordered = np.sort(latency)
    rank = np.unique(np.linspace(0, len(ordered) - 1, min(CDF_POINTS, len(ordered))).astype(np.int64))
    return {"latency": ordered[rank].tolist(), "share": ((rank + 1) / len(ordered)).tolist()}


def _point_columns(points: Sequence[ShownPoint]) -> dict[str, list[Any]]:
    return {
        "name": [point.name for point in points],
        "latency": [point.latency_us for point in points],
        "energy": [point.energy_uj for point in points],
        "colour": [ORANGE if point.on_front else GREY for point in points],
    }


def _front_figure(source: Any) -> Any:
    from bokeh.plotting import figure  # noqa: PLC0415  (optional)

    plot = figure(
        title="Tap a point to replay it (orange: beaten by no other)", height=320, sizing_mode="stretch_width",
        x_axis_label="Mean latency [µs]", y_axis_label="Mean energy [µJ]", x_axis_type="log", y_axis_type="log",
        tools="tap,pan,wheel_zoom,box_zoom,reset", name="front",
        tooltips=[("", "@name"), ("latency", "@latency us"), ("energy", "@energy uJ")],
    )  # fmt: skip
    plot.scatter("latency", "energy", source=source, color="colour", size=10)
    for axis in (plot.xaxis[0], plot.yaxis[0]):  # numbers of a short axis would touch
        axis.ticker.mantissas, axis.ticker.num_minor_ticks = [1, 2, 3, 5], 0
    return plot


def _fall_figure(source: Any) -> Any:
    from bokeh.plotting import figure  # noqa: PLC0415  (optional)

    plot = figure(
        title="From MACs saved to latency saved", height=300, sizing_mode="stretch_width", y_range=["MACs saved"],
        x_axis_label="Share of the dense network [%]", tools="", tooltips=[("@name", "@label % of dense")], name="fall",
    )  # fmt: skip
    plot.hbar("name", left="left", right="right", height=0.7, color="colour", source=source)
    return plot


def _cdf_figure(now: Any, before: Any, dense: Any) -> Any:
    from bokeh.plotting import figure  # noqa: PLC0415  (optional)

    plot = figure(
        title="Latency of the inputs", height=280, sizing_mode="stretch_width", tools="",
        x_axis_label="Latency of one input [µs]", y_axis_label="Share of inputs that have ended", name="cdf",
    )  # fmt: skip
    plot.step(
        "latency", "share", source=before, color=GREY, line_width=2, mode="after", legend_label="as it is"
    )
    plot.step(
        "latency",
        "share",
        source=now,
        color=BLUE,
        line_width=3,
        mode="after",
        legend_label="with the sliders",
    )
    plot.line(
        "latency", "share", source=dense, color=RED, line_width=2, legend_label="dense, with the sliders"
    )
    plot.legend.location = "top_left"  # time begins at zero: no curve is there; on a phone one may run behind
    plot.legend.background_fill_alpha, plot.legend.border_line_alpha = 0.3, 0.0
    plot.x_range.start = 0
    return plot
