"""The points of a sweep in a real browser: chosen in every way, saved, and usable however many there are."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML

from analysis.reports.report import write_report
from tests.report_folders import sweep_folder

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator
from tests.browser.opened import DESKTOP, IN_CHROMIUM, PHONE, ROOT, Opened, sideways
from tests.shared import there

pytestmark = IN_CHROMIUM


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
    box = there(place.bounding_box())
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


def test_a_name_that_a_spreadsheet_would_compute_is_saved_as_text(browser: Browser) -> None:
    files = (ROOT / "analysis/reports/templates/explorer/files.js").read_text(encoding="utf-8")
    data = (
        "{keys: ['k'], front: [true], columns: [{name: 'design', labels: ['=HYPERLINK(1)'], values: [0]},"
        " {name: 'saved', labels: [], values: [-1.5]}]}"
    )
    page = browser.new_page()
    text = page.evaluate(f"() => {{ const data = {data}, chosen = [1]; {files} return csv(); }}")
    assert text == "key,front,design,saved\nk,true,'=HYPERLINK(1),-1.5\n"
    page.close()


def test_a_saved_space_names_the_file_of_a_design_and_what_was_set(browser: Browser) -> None:
    files = (ROOT / "analysis/reports/templates/explorer/files.js").read_text(encoding="utf-8")
    kind = (
        "{design: 'mine', typed: 'my npu.yaml', changed: {clock: '250 MHz', 'array.rows': '4'}, network: 'n',"
        " policy: {prefetch: 'wait'}}"
    )
    data = (
        f"{{keys: ['k'], replayedBy: [0], space: {{kinds: [{kind}], inputs: 4, minimize: ['latency_us'],"
        " maximize: []}}"
    )
    page = browser.new_page()
    text = page.evaluate(
        f"() => {{ const data = {data}, chosen = [1], valuesOf = () => ({{'array.rows': 8}});"
        f" {files} return yaml(); }}"
    )
    (design,) = YAML(typ="safe").load(text)["designs"]
    assert design["base"] == "my npu.yaml"
    assert design["set"] == {"clock": ["250 MHz"]}  # the axis has the rows
    assert design["link"] == {"chosen_mine": {"to": ["array.rows"], "values": [[8]]}}
    page.close()


@pytest.mark.parametrize(
    ("names", "own"),
    [
        (["lcnet_resnet20_30_cifar10", "lcnet_resnet20_50_cifar10"], ["30", "50"]),
        (["lcnet_resnet20_30_x", "ddi_resnet20_50_x"], ["lcnet_30", "ddi_50"]),
        (["edge_npu_16x16", "edge_npu_16x16_b"], ["16x16", "16x16_b"]),
        (["LC-Net ResNet-20 30\u00a0%", "exits ResNet-20"], ["LC-Net 30\u00a0%", "exits"]),
        (["a_b", "b_a"], ["a_b", "b_a"]),
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


def test_the_first_screen_of_a_sweep_is_its_objectives_and_one_picture(browser: Browser, sweep: Path) -> None:
    with Opened(browser, sweep) as opened:
        opened.page.locator("html[data-explorer=ready]").wait_for(state="attached")
        cards = opened.page.locator(".key-figures > div")
        assert [words.split(" at the knee")[0] for words in cards.locator("dt").all_inner_texts()] == [
            "▼ Mean latency", "▼ Mean energy", "▼ Area", "▲ Accuracy",
        ]  # fmt: skip
        box = there(opened.page.locator("#scatter").bounding_box())
        assert box["y"] + box["height"] <= DESKTOP[1]
    with Opened(browser, sweep, PHONE) as opened:
        wide, window = sideways(opened)
        assert wide == window
        last = there(opened.page.locator(".key-figures > div").last.bounding_box())
        assert last["y"] + last["height"] <= PHONE[1]
