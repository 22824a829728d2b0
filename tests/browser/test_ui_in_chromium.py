"""The explorer of `lacuna ui` in a real browser: it serves loopback alone, and a slider replays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.opened import IN_CHROMIUM, PATIENCE_S
from tests.report_folders import replay_folder
from tests.shared import there

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = IN_CHROMIUM
pytest.importorskip("bokeh")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = replay_folder(
        tmp_path_factory.mktemp("ui"), {"npu": "edge_npu_16x16", "m7": "cortex_m7"}, timeline=0
    )
    command = [sys.executable, "-m", "lacuna", "ui", str(folder), "--port", "0", "--limit", "30"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        line = there(server.stdout).readline()
        assert line.startswith("open http://127.0.0.1:"), line
        yield line.split()[1].rstrip(";")
        server.terminate()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(PATIENCE_S * 1000)
    page.goto(address)
    yield page
    page.close()


def test_a_slider_replays_and_nothing_comes_from_elsewhere(page: Page, address: str) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.reload()
    told = page.locator("#told")
    told.get_by_text("Edge NPU 16 x 16").wait_for()
    before = told.inner_text()
    page.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowLeft")
    told.get_by_text("array rows 8").wait_for()
    assert told.inner_text() != before
    assert requests
    assert all(url.startswith((address, "data:")) for url in requests)


@pytest.mark.parametrize("width", [1280, 390])
def test_colours_follow_the_scheme_also_when_it_changes(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.locator(f"html[data-scheme={scheme}]").wait_for(state="attached")
        page.get_by_label("Replay").wait_for()
        paper, ink = (
            page.evaluate(f"getComputedStyle(document.body)['{name}']")
            for name in ("backgroundColor", "color")
        )
        field = page.get_by_label("Replay").evaluate("e => getComputedStyle(e).backgroundColor")
        painted = page.evaluate(
            "Bokeh.documents[0].get_model_by_name('fall').border_fill_color + "
            "Bokeh.documents[0].get_model_by_name('fall').below[0].major_label_text_color"
        )
        found.append((paper, ink, field, painted))
        wide, window = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= window
    light, dark = found
    assert all(one != other for one, other in zip(light, dark, strict=True)), found
    assert dark == ("rgb(20, 23, 28)", "rgb(232, 234, 237)", "rgb(29, 33, 40)", "#1d2128#e8eaed")


def test_the_other_replay_is_chosen_by_its_name(page: Page) -> None:
    told = page.locator("#told")
    told.get_by_text("Edge NPU 16 x 16").wait_for()
    page.get_by_label("Replay").select_option(label="LC-Net ResNet-8 on Cortex-M7")
    told.get_by_text("Cortex-M7").wait_for()
    assert page.locator(".noUi-handle").count() < 9  # a core has fewer resources than an accelerator
