"""From a results folder to one self-contained HTML page, or to static figures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.figures.charts import chart_json, packed_charts, packed_data, packed_plotly, template_json
from analysis.figures.pictures import FREE_HEIGHT
from analysis.figures.report.story import StoryInfo
from analysis.reports.folders import read_page
from analysis.reports.report_page import Page
from analysis.words import change_words, percent
from traces import FileProblem, atomic_write

if TYPE_CHECKING:
    from markupsafe import Markup

_BREAKS = re.compile(r"(?<=[._/])(?=[A-Za-z])")  # where a name may be broken
_LONG = 20  # Choice: characters up to which a name is not broken
REPORT_FILE = "report.html"
DOZEN = 12  # Choice: figures that one looks at; the rest are written when asked for


def write_report(
    folders: str | Path | Sequence[str | Path],
    out: str | Path | None = None,
    *,
    trace: str | Path | None = None,
    points: int = 0,
    budget: Sequence[str] = (),
) -> Path:
    """Write one HTML file that needs no network; the same results give the same bytes.

    Parameters
    ----------
    folders
        Results of a replay, a stream, a sweep or a search, a folder of such results, a table of ``lacuna estimate``, or
        several of these together.
    out
        File to write; ``report.html`` in the folder when left out, which only one folder lets one do.
    trace
        The trace that was replayed, for what differs by class; when left out, the one in ``folder`` if any.
    points
        Of a sweep: replay so many points of its front, by its first objective, and link to a page on each.
    budget
        Of a sweep: what changes in its budget, as :func:`analysis.sweeps.budgets.changed_budget` reads it.

    Returns
    -------
    Path
        The file written.
    """
    places = _places(folders)
    if out is None and (len(places) != 1 or places[0].is_file()):
        raise FileProblem("a report on several places, or on a file, needs a name of its own: --out FILE")
    target = Path(out) if out is not None else places[0] / REPORT_FILE
    if points:
        write_points(places[0], points, budget)
    page = render(read_page(places, trace, budget))
    with atomic_write(target) as part:
        part.write_text(page, encoding="utf-8")
    return target


def write_points(folder: Path, number: int, budget: Sequence[str] = ()) -> list[Path]:
    """Replay the first points on a sweep's front and write a page on each beside its results."""
    from analysis.reports.sweeps.points import replay_point  # noqa: PLC0415  (loads the simulator)
    from analysis.sweeps.folder.results import load_sweep  # noqa: PLC0415  (pulls in pandas)

    results = load_sweep(folder).under(budget)
    keys = results.front().frame["key"].head(number)
    return [write_report(replay_point(results, str(key))) for key in keys]


def write_figures(  # noqa: PLR0913  # what a user may ask of figures, all by name
    folders: str | Path | Sequence[str | Path],
    out: str | Path,
    formats: Sequence[str] = ("png",),
    *,
    trace: str | Path | None = None,
    every: bool = False,
    budget: Sequence[str] = (),
) -> list[Path]:
    """Write figures of the report as ``<network>_<design>_<figure>.<format>`` into ``out``; formats: png, svg, pdf.

    They are the first dozen of those that compare; with ``every`` all, also those of each replay.
    """
    from analysis.figures.drawings import write_picture  # noqa: PLC0415  (matplotlib is slow to import)

    target = Path(out)
    page = page_on(folders, trace, budget)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise FileProblem(f"{target}: cannot be made: {problem.strerror}") from None
    chosen = page.pictures if every else page.main_pictures[:DOZEN]
    return [path for picture in chosen for path in write_picture(picture, target, formats)]


def page_on(
    folders: str | Path | Sequence[str | Path], trace: str | Path | None = None, budget: Sequence[str] = ()
) -> Page:
    """Return what a report on one place or several says, before any markup."""
    return read_page(_places(folders), trace, budget)


def _places(folders: str | Path | Sequence[str | Path]) -> list[Path]:
    return [Path(folders)] if isinstance(folders, str | Path) else [Path(folder) for folder in folders]


def render(page: Page) -> str:
    """Return the page as HTML."""
    import jinja2  # noqa: PLC0415  (only a report needs it)

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("analysis.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    environment.filters["spaced"] = lambda text: _BREAKS.sub("\u200b", text)
    environment.tests["story"] = lambda picture: isinstance(picture.info, StoryInfo)
    return environment.get_template("report.html").render(
        page=page,
        chart_json=chart_json,
        free_height=FREE_HEIGHT,
        packed_charts=packed_charts,
        packed_data=packed_data,
        packed_plotly=packed_plotly,
        change_words=change_words,
        percent=percent,
        template_json=template_json,
    )


def _breakable(text: str) -> Markup:
    """Return text whose long names may be broken behind a dot, an underscore or a slash, and short ones nowhere."""
    import markupsafe  # noqa: PLC0415  (comes with jinja2)

    def held(word: str) -> Markup:
        if len(word) > _LONG:
            return markupsafe.Markup("<wbr>").join(_BREAKS.split(word))
        whole = markupsafe.Markup('<span class="whole">{}</span>')
        return whole.format(word) if "-" in word else markupsafe.escape(word)

    return markupsafe.Markup(" ").join(held(word) for word in text.split(" "))
