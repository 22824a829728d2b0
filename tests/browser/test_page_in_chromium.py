"""The page of a report in a real browser: its first screen, its tables, and how it fits a phone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from accel_models import load_design
from analysis.figures.report.story import StoryInfo
from analysis.reports.report import page_on, write_report
from simulator import Arrivals, StreamSettings, estimate, stream
from tests.report_folders import replay_folder, small_trace

if TYPE_CHECKING:
    from playwright.sync_api import Browser
from tests.browser.opened import DESKTOP, IN_CHROMIUM, PHONE, Opened, Scheme, brightness, sideways
from tests.shared import there

pytestmark = IN_CHROMIUM
_OUTSIDE = """(inner, outer) => [...document.querySelectorAll(inner)].filter(function (e) {
  const t = e.getBoundingClientRect();
  const c = outer ? e.closest(outer).getBoundingClientRect() : { left: 0, right: innerWidth };
  return t.width && !e.closest('details:not([open])') && (t.right > c.right + 1 || t.left < c.left - 1);
}).map(e => e.textContent)"""


def test_the_first_screen_tells_the_story(browser: Browser, replays: Path) -> None:
    """Bars as long as what is saved on an axis they share, the best and the worst marked, a sentence above."""
    with Opened(browser, replays) as opened:
        story = opened.page.locator("#worth")
        box = there(story.bounding_box())
        assert box["y"] + box["height"] < DESKTOP[1]
        info = next(p.info for p in page_on(replays.parent).pictures if isinstance(p.info, StoryInfo))
        shares = [row.latency.compiled for row in info.groups[0].rows if row.latency]
        widths = story.locator(".story-row:not(.axis)").evaluate_all(
            "rows => rows.map(row => { const [bar, track] = [row.querySelector('.saves, .costs'), "
            "row.querySelector('.track')].map(e => e.getBoundingClientRect().width); return bar / track; })"
        )
        assert widths == pytest.approx([abs(share) / (info.high - info.low) for share in shares], abs=0.01)
        assert story.locator("b.best").count() == story.locator("b.worst").count() == 2
        links = opened.page.locator("table.sorts").first.locator("td a")
        lines = links.evaluate_all(
            "links => links.filter(a => a.textContent.length < 20).map(a => a.getClientRects().length)"
        )
        assert lines == [1]  # the name of a design is not broken
        assert "of its MACs" in story.locator(".story-group").inner_text()


def test_a_folded_table_is_laid_when_opened_and_serves_as_any(browser: Browser, replays: Path) -> None:
    with Opened(browser, replays) as opened:
        part = opened.page.locator("details.part:has(> details.table)").first
        table = part.locator("details.table").first
        assert part.locator("td").count() == 0
        part.evaluate("fold => { fold.open = true; }")
        table.evaluate("fold => { fold.open = true; }")
        rows = table.locator("tbody tr")
        rows.first.wait_for(state="visible")
        names = rows.locator("td:first-child").all_inner_texts()
        assert len(names) > 5
        head = table.locator("th").first
        head.click()
        head.click()  # the other way round
        assert rows.locator("td:first-child").all_inner_texts() == sorted(names, reverse=True)
        table.locator("input").fill(names[0])
        assert 0 < sum(row.is_visible() for row in rows.all()) < len(names)
        assert opened.complaints == []


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory, replays: Path, sweep: Path) -> dict[str, Path]:
    """Return a report of every kind: replays, sweep (as of a search), streams, estimates, all together."""
    folder = tmp_path_factory.mktemp("kinds")
    trace, npu = small_trace(), load_design("edge_npu_16x16", {"array.rows": 8})
    for name, rate in (("slow", 100.0), ("fast", 1e6)):
        settings = StreamSettings(arrivals=Arrivals(rate_hz=rate), deadline_s=1e-3)
        stream(trace, npu, settings).save(folder / "streams" / name)
    (folder / "ops.csv").write_text(estimate(trace.graph, npu).to_csv(), encoding="utf-8")
    streams, ops = folder / "streams", folder / "ops.csv"
    many = sorted(path.parent for path in replays.parent.glob("*/summary.json"))
    return {
        "replays": replays,
        "sweep": sweep,
        "streams": write_report(streams),
        "estimates": write_report(ops, folder / "ops.html"),
        "together": write_report([*many, streams, ops, sweep.parent], folder / "all.html"),
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["replays", "sweep", "streams", "estimates", "together"])
def test_a_phone_scrolls_no_page_sideways_and_cuts_no_title(
    browser: Browser, kinds: dict[str, Path], kind: str, scheme: Scheme
) -> None:
    with Opened(browser, kinds[kind], PHONE, scheme) as opened:
        opened.wait_for_charts()
        wide, window = sideways(opened)
        assert wide <= window
        for inner, outer in (
            ("h1, h2, h3, td, th, summary, .legend button, .story-row > *", None),
            (
                ".chart .xtitle, .chart .ytitle, .chart .annotation-text, .chart .xtick text, .chart .ytick text",
                ".chart",
            ),
            ("td > *", "td"),
        ):
            cut = opened.page.evaluate(f"([inner, outer]) => ({_OUTSIDE})(inner, outer)", [inner, outer])
            assert cut == [], (inner, cut)
        assert opened.complaints == []
        ink, paper = opened.page.evaluate(
            "['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name])"
        )
        assert (brightness(ink) > brightness(paper)) == (scheme == "dark")


@pytest.mark.parametrize("kind", ["replays", "sweep", "streams", "estimates", "together"])
def test_a_page_is_printed_whole_as_soon_as_it_is_open(
    browser: Browser, kinds: dict[str, Path], kind: str
) -> None:
    """Every chart, none cut by the end of a page, on few pages, on white paper whatever the screen's scheme."""
    with Opened(browser, kinds[kind], DESKTOP, "dark") as opened:
        pdf = opened.page.pdf(prefer_css_page_size=True)  # nobody scrolled, and nothing was waited for
        assert opened.undrawn() == []
        assert 1 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 15
        tall = opened.page.evaluate(
            "dispatchEvent(new Event('beforeprint')),"
            "[...document.querySelectorAll('figure')].filter(f => !f.closest('details:not([open])'))"
            ".map(f => f.getBoundingClientRect().height).filter(h => h > 1000)"
        )
        assert tall == []
        assert opened.complaints == []


def test_points_are_printed_in_ink(browser: Browser, sweep: Path) -> None:
    """A canvas keeps its colours from the screen unless it is painted for paper."""

    def painted(scheme: Scheme, *events: str) -> list[str]:
        with Opened(browser, sweep, DESKTOP, scheme) as opened:
            opened.page.locator("html[data-explorer=ready]").wait_for(state="attached")
            drawn: list[str] = opened.page.evaluate(
                "events => { events.forEach(name => dispatchEvent(new Event(name)));"
                " return ['scatter', 'history', 'parallel'].map(id => document.getElementById(id).toDataURL()); }",
                list(events),
            )
            return drawn

    screen, paper = painted("dark"), painted("dark", "beforeprint")
    assert all(one != other for one, other in zip(screen, paper, strict=True))
    assert paper == painted("light", "beforeprint")
    assert painted("dark", "beforeprint", "afterprint") == screen


def test_a_click_sorts_a_table_and_words_filter_it(browser: Browser, tmp_path: Path) -> None:
    names = ["cortex_m4", "cortex_m55", "cortex_m7", "edge_npu_16x16", "edge_npu_32x32", "gemmini_16x16"]
    report = write_report(replay_folder(tmp_path, {name: name for name in names}))
    with Opened(browser, report) as opened:
        table = opened.page.locator("table.sorts").first
        heads = [name.strip() for name in table.locator("th").all_inner_texts()]
        column = heads.index("Latency")
        head = table.locator("th").nth(column)

        def first_cells() -> list[str]:
            return [row.locator("td").nth(1).inner_text() for row in table.locator("tbody tr").all()]

        head.click()
        cells = [row.locator("td").nth(column).inner_text() for row in table.locator("tbody tr").all()]
        sizes = {"ns": 1e-3, "µs": 1.0, "ms": 1e3, "s": 1e6}
        values = [float(cell.split()[0].replace(",", "")) * sizes[cell.split()[1]] for cell in cells]
        assert values == sorted(values)
        rising = first_cells()
        head.click()
        assert first_cells() == rising[::-1]
        opened.page.locator(".filter input").first.fill("edge npu")
        shown = [row for row in table.locator("tbody tr").all() if row.is_visible()]
        assert len(shown) == 2
        assert opened.complaints == []
