"""The charts of a report in a real browser: all drawn, readable, told by the pointer, nothing fetched or run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.report_folders import HOSTILE, HOSTILE_FOLDER

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator
from tests.browser.opened import DESKTOP, IN_CHROMIUM, PHONE, Opened, Scheme, brightness, sideways
from tests.shared import there

pytestmark = IN_CHROMIUM


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
    (light_ink, light_paper), (dark_ink, dark_paper) = ([brightness(c) for c in pair] for pair in colours)
    assert light_paper - light_ink > 120
    assert dark_ink - dark_paper > 120


def test_hover_tells_the_point_and_a_tap_goes_to_its_design(browser: Browser, replays: Path) -> None:
    with Opened(browser, replays) as opened:
        chart = opened.page.locator("#chart-pareto-latency-energy")
        chart.scroll_into_view_if_needed()
        x, y = _over_last_point(opened, chart)
        text = there(chart.locator(".hovertext").first.text_content())
        assert "accuracy" in text
        assert text.startswith(("Edge NPU", "<script>"))
        assert re.search(r"Mean latency: [\d.]+ .?sMean energy: [\d.]+ .?J", text)
        opened.page.mouse.click(x, y)
        opened.page.wait_for_url("**#*")
        anchor = opened.page.evaluate("decodeURIComponent(location.hash.slice(1))")
        fold = opened.page.locator(f"details[id='{anchor}']")
        assert fold.evaluate("fold => fold.open")
        heading = there(fold.locator("summary").first.text_content())
        assert text.startswith(heading.removeprefix("LC-Net ResNet-8 on "))
        opened.wait_for_charts()  # its own charts are loaded now
        assert fold.locator(".chart .main-svg .overplot").count() >= 5


def _over_last_point(opened: Opened, chart: Locator) -> tuple[float, float]:
    """Move the pointer onto the last point of the chart."""
    box = there(chart.locator(".scatterlayer .points path.point").last.bounding_box())
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    opened.page.mouse.move(x - 3, y)
    opened.page.mouse.move(x, y)
    chart.locator(".hovertext").first.wait_for(state="attached")
    return x, y


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
