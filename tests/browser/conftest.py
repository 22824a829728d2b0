"""A browser for each file of tests, and reports that no test changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from analysis.reports.report import write_report
from tests.browser.opened import CHROMIUM, PATIENCE_S
from tests.report_folders import HOSTILE_FOLDER, replay_folder, sweep_folder

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE_S * 1000
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replays")
    designs = {"npu": "edge_npu_16x16", HOSTILE_FOLDER: "gemmini_16x16"}
    return write_report(replay_folder(folder, designs))


@pytest.fixture(scope="session")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(sweep_folder(tmp_path_factory.mktemp("sweep") / "space", 1000))
