"""The report in a real browser: every chart drawn, nothing fetched, nothing run that is only a name."""

from __future__ import annotations

import csv
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from ruamel.yaml import YAML

from accel_models import load_design
from analysis.figures.report.story import StoryInfo
from analysis.reports.report import page_on, write_report
from simulator import Arrivals, StreamSettings, estimate, stream
from tests.report_folders import HOSTILE, HOSTILE_FOLDER, replay_folder, small_trace, sweep_folder

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

Scheme = Literal["light", "dark"]
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium"),
]
sync_api = pytest.importorskip("playwright.sync_api")
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 200  # for what must happen at all: how soon is the machine's business
DESKTOP, PHONE = (1280, 900), (390, 844)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replays")
    designs = {"npu": "edge_npu_16x16", HOSTILE_FOLDER: "gemmini_16x16"}
    return write_report(replay_folder(folder, designs))


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(sweep_folder(tmp_path_factory.mktemp("sweep") / "space", 1000))


class Opened:
    """A report in a page of its own, with all that the browser had to say about it."""

    def __init__(
        self, browser: Browser, report: Path, size: tuple[int, int] = DESKTOP, scheme: Scheme = "light"
    ) -> None:
        width, height = size
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, offline=True
        )
        self.context.set_default_timeout(PATIENCE_S * 1000)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(report.as_uri())

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def wait_for_charts(self) -> None:
        """Wait until every chart is drawn; the page's own policy forbids Playwright's wait_for_function."""
        deadline = time.monotonic() + PATIENCE_S
        while self.undrawn():
            assert time.monotonic() < deadline, self.undrawn()
            time.sleep(0.05)

    def undrawn(self) -> list[str]:
        ids: list[str] = self.page.evaluate(
            "[...document.querySelectorAll('.chart')].filter(c => !c.closest('details:not([open])'))"
            ".filter(c => !c.querySelector('.main-svg .overplot')).map(c => c.id)"
        )
        return ids


def sideways(opened: Opened) -> tuple[int, int]:
    """Return how wide the page is, and how wide the window."""
    wide, window = opened.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return wide, window


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_every_chart_is_drawn_without_a_complaint_or_a_request(
    browser: Browser, replays: Path, size: tuple[int, int], scheme: Scheme
) -> None:
    with Opened(browser, replays, size, scheme) as opened:
        opened.wait_for_charts()
        boxes = opened.page.evaluate(
            "[...document.querySelectorAll('.chart .main-svg:first-child')].map(s => {"
            "const b = s.getBoundingClientRect(); return [b.width, b.height]; })"
        )
        count = opened.page.evaluate(
            "[...document.querySelectorAll('.chart')].filter(c => !c.closest('details:not([open])')).length"
        )
        assert count == len(boxes) >= 7
        assert all(width > 200 and height > 80 for width, height in boxes)
        assert opened.complaints == []
        assert opened.requests == [replays.as_uri()]
        wide, window = sideways(opened)
        assert wide <= window
        drawn = opened.page.evaluate(
            "[...document.querySelectorAll('.chart')].filter(c => !c.closest('details:not([open])')).every("
            "c => c.querySelector('.overplot path, .overplot image'))"
        )
        assert drawn


def test_text_is_readable_in_the_dark(browser: Browser, replays: Path) -> None:
    colours = []
    for scheme in ("light", "dark"):
        with Opened(browser, replays, DESKTOP, scheme) as opened:
            opened.page.locator(".xtick text").first.wait_for(state="attached")
            colours.append(
                opened.page.evaluate(
                    "[getComputedStyle(document.querySelector('.xtick text')).fill,"
                    " getComputedStyle(document.body).backgroundColor]"
                )
            )
    (light_ink, light_paper), (dark_ink, dark_paper) = ([_brightness(c) for c in pair] for pair in colours)
    assert light_paper - light_ink > 120
    assert dark_ink - dark_paper > 120


def test_hover_tells_the_point_and_a_tap_goes_to_its_design(browser: Browser, replays: Path) -> None:
    with Opened(browser, replays) as opened:
        chart = opened.page.locator("#chart-pareto-latency-energy")
        chart.scroll_into_view_if_needed()
        x, y = _over_last_point(opened, chart)
        text = chart.locator(".hovertext").first.text_content()
        assert text is not None
        assert "accuracy" in text
        assert text.startswith(("edge_npu", "<script>"))
        assert re.search(r"Mean latency: [\d.]+ .?sMean energy: [\d.]+ .?J", text)
        opened.page.mouse.click(x, y)
        opened.page.wait_for_url("**#*")
        anchor = opened.page.evaluate("decodeURIComponent(location.hash.slice(1))")
        fold = opened.page.locator(f"details[id='{anchor}']")
        assert fold.evaluate("fold => fold.open")
        heading = fold.locator("summary").first.text_content()
        assert heading is not None
        assert text.startswith(heading.removeprefix("LC-Net ResNet-8 on "))
        opened.wait_for_charts()  # its own charts are loaded now
        assert fold.locator(".chart .main-svg .overplot").count() >= 5


def test_hostile_names_stay_names(browser: Browser, replays: Path, sweep: Path) -> None:
    for report, name, drawn in (
        (replays, HOSTILE_FOLDER, "#chart-energy-parts .main-svg .overplot"),
        (sweep, HOSTILE, "html[data-explorer=ready]"),
    ):
        with Opened(browser, report) as opened:
            opened.page.locator(drawn).first.wait_for(state="attached")
            assert opened.complaints == []
            assert opened.page.locator("main img").count() == 0
            assert name in opened.page.evaluate("document.querySelector('main').textContent")
            ticks = opened.page.locator("#chart-energy-parts .ytick text").all_text_contents()
            assert report == sweep or any(tick.endswith(HOSTILE_FOLDER[-20:]) for tick in ticks)


def test_a_thousand_points_are_brushed_filtered_linked_and_saved(browser: Browser, sweep: Path) -> None:
    """One choice for all pictures and the table, by words, by dragging, and in the files."""
    with Opened(browser, sweep) as opened:
        page = opened.page
        shown = page.locator("#shown")
        page.locator("html[data-explorer=ready]").wait_for(state="attached")
        assert shown.inner_text() == "857 of 857 points"  # every seventh of 1,000 does not fit
        page.locator("#where").fill("latency_us <= 104 and area_mm2 < 1")
        assert shown.inner_text() == "4 of 857 points"  # 100, 101, 102, 104 us
        assert page.locator("#points tbody tr").count() == 4
        with page.expect_download() as saved:
            page.locator("#csv").click()
        rows = list(csv.DictReader(saved.value.path().read_text().splitlines()))
        assert [float(row["latency_us"]) for row in rows] == [100.0, 101.0, 102.0, 104.0]
        with page.expect_download() as saved:
            page.locator("#yaml").click()
        chosen = YAML(typ="safe").load(saved.value.path().read_text())
        (design,) = chosen["designs"]
        assert design["link"]["chosen_edge_npu_16x16"] == {
            "to": ["array.rows"],
            "values": [[1], [2], [3], [5]],
        }
        page.locator("#where").fill("latency <= 104")
        assert "no such column" in page.locator("#where-says").inner_text()
        page.locator("#clear").click()
        assert shown.inner_text() == "857 of 857 points"
        before = [page.locator(name).screenshot() for name in ("#history", "#parallel")]
        _drag(opened, page.locator("#scatter"), (0.2, 0.1), (0.4, 0.95))
        few = int(shown.inner_text().split()[0])
        assert 0 < few < 400
        assert [page.locator(name).screenshot() for name in ("#history", "#parallel")] != before
        _drag(opened, page.locator("#parallel"), (0.05, 0.7), (0.05, 0.94))
        assert 0 < int(shown.inner_text().split()[0]) < few
        page.locator("#points button").first.click()
        assert "lacuna replay" in page.locator("#picked pre").inner_text()
        assert opened.complaints == []
        assert opened.requests == [sweep.as_uri()]


def _drag(opened: Opened, place: Locator, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over an element, from and to shares of its size."""
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box is not None
    first, last = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (begin, end)]
    opened.page.mouse.move(*first)
    opened.page.mouse.down()
    opened.page.mouse.move(*last, steps=3)
    opened.page.mouse.up()


def test_five_thousand_points_stay_usable(browser: Browser, tmp_path: Path) -> None:
    """What makes a page slow, not how long this machine takes: bytes, requests, elements."""
    report = write_report(sweep_folder(tmp_path / "space", 5000))
    assert report.stat().st_size < 1_500_000  # 2.9 MB with marks of a drawing library
    with Opened(browser, report) as opened:
        opened.page.locator("html[data-explorer=ready]").wait_for(state="attached")
        elements = opened.page.evaluate("document.querySelectorAll('*').length")
        assert elements < 25_000  # 714 points that do not fit, and the front, are tables
        assert opened.requests == [report.as_uri()]
        opened.page.locator("#where").fill("latency_us < 200")
        assert opened.page.locator("#shown").inner_text().startswith("86 of ")


def test_what_follows_the_pointer_paints_no_picture_anew(browser: Browser, tmp_path: Path) -> None:
    """Strokes that a hover costs beside those of a choice: many points stay usable by what is not drawn again."""
    report = write_report(sweep_folder(tmp_path / "space", 3000))
    with Opened(browser, report) as opened:
        page = opened.page
        page.locator("html[data-explorer=ready]").wait_for(state="attached")
        page.evaluate(
            "window.strokes = 0; const was = CanvasRenderingContext2D.prototype.stroke;"
            "CanvasRenderingContext2D.prototype.stroke = function () { strokes += 1; was.call(this); }; 0"
        )
        page.locator("#where").fill("latency_us <= 2500")
        chosen = page.evaluate("strokes")
        assert 600 < chosen < 3000  # lines of a share of the points, said beside the picture
        assert " are drawn" in page.locator("#drawn").inner_text()
        page.evaluate(
            "strokes = 0; const c = document.getElementById('scatter'), r = c.getBoundingClientRect();"
            "for (let k = 0; k < 20; k++) c.dispatchEvent(new PointerEvent('pointermove', {pointerId: 1,"
            " clientX: r.left + r.width * (0.2 + 0.03 * k), clientY: r.top + r.height * (0.2 + 0.03 * k)}));"
        )
        assert 0 < page.evaluate("strokes") < 200  # rings and one line each
        assert opened.complaints == []


@pytest.mark.parametrize(
    ("names", "own"),
    [
        (["lcnet_resnet20_30_cifar10", "lcnet_resnet20_50_cifar10"], ["30", "50"]),
        (["lcnet_resnet20_30_x", "ddi_resnet20_50_x"], ["lcnet_resnet20_30", "ddi_resnet20_50"]),
        (["edge_npu_16x16", "edge_npu_16x16_b"], ["16x16", "16x16_b"]),
        (["wait", "speculate"], ["wait", "speculate"]),
        (["alone_here"], ["alone_here"]),
    ],
)
def test_names_along_an_axis_are_told_apart(browser: Browser, names: list[str], own: list[str]) -> None:
    scales = (ROOT / "analysis" / "reports" / "templates" / "explorer" / "scales.js").read_text(
        encoding="utf-8"
    )
    page = browser.new_page()
    assert page.evaluate(f"names => {{ {scales} return ownParts(names); }}", names) == own
    page.close()


def test_the_first_screen_tells_the_story(browser: Browser, replays: Path) -> None:
    """Bars as long as what is saved on an axis they share, the best and the worst marked, a sentence above."""
    with Opened(browser, replays) as opened:
        story = opened.page.locator("#worth")
        box = story.bounding_box()
        assert box is not None
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


_OUTSIDE = """(inner, outer) => [...document.querySelectorAll(inner)].filter(function (e) {
  const t = e.getBoundingClientRect();
  const c = outer ? e.closest(outer).getBoundingClientRect() : { left: 0, right: innerWidth };
  return t.width && !e.closest('details:not([open])') && (t.right > c.right + 1 || t.left < c.left - 1);
}).map(e => e.textContent)"""


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
        assert (_brightness(ink) > _brightness(paper)) == (scheme == "dark")


def test_a_legend_over_the_chart_hides_and_shows_a_part(browser: Browser, replays: Path) -> None:
    with Opened(browser, replays) as opened:
        opened.wait_for_charts()
        figure = opened.page.locator("#energy-parts")
        key = figure.locator(".legend button").first
        bars = figure.locator(".barlayer .trace")
        all_of_them = bars.count()
        key.click()
        bars.nth(all_of_them - 1).wait_for(state="detached")
        assert bars.count() == all_of_them - 1
        key.click()
        bars.nth(all_of_them - 1).wait_for(state="attached")
        assert opened.complaints == []


def test_print_shows_every_chart_within_the_page(browser: Browser, replays: Path) -> None:
    with Opened(browser, replays) as opened:
        opened.page.locator(".chart .main-svg .overplot").first.wait_for(
            state="attached"
        )  # what draws is there
        opened.page.emulate_media(media="print")
        opened.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert opened.undrawn() == []
        widths = opened.page.evaluate(
            "[...document.querySelectorAll('.chart .main-svg:first-child')].map(s => s.getBoundingClientRect().width)"
        )
        assert max(widths) <= 186 / 25.4 * 96  # an A4 page less its margins of 12 mm [CSS px]
        assert not opened.page.evaluate("[...document.querySelectorAll('details')].some(d => d.open)")
        opened.page.emulate_media(media="screen")
        opened.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        wide, window = sideways(opened)
        assert wide <= window


def _over_last_point(opened: Opened, chart: Locator) -> tuple[float, float]:
    """Move the pointer onto the last point of the chart."""
    box = chart.locator(".scatterlayer .points path.point").last.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    opened.page.mouse.move(x - 3, y)
    opened.page.mouse.move(x, y)
    chart.locator(".hovertext").first.wait_for(state="attached")
    return x, y


def _brightness(colour: str) -> float:
    """Return the mean of a CSS colour's channels, 0 to 255."""
    channels = colour[colour.index("(") + 1 : -1].split(",")[:3]
    return sum(float(channel) for channel in channels) / 3


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
