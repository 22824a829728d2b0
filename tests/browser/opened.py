"""A report opened in Chromium: what it holds, what it asks for and what the browser complains of."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Scheme = Literal["light", "dark"]
CHROMIUM = shutil.which("chromium")
IN_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium"),
]
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 200  # for what must happen at all: how soon is the machine's business
DESKTOP, PHONE = (1280, 900), (390, 844)


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


def brightness(colour: str) -> float:
    """Return the mean of a CSS colour's channels, 0 to 255."""
    channels = colour[colour.index("(") + 1 : -1].split(",")[:3]
    return sum(float(channel) for channel in channels) / 3
