"""How long a browser takes to open a sweep's report of 1,000 points, against an empty page in the same run."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from analysis.reports.report import write_report
from tests.report_folders import sweep_folder

CHROMIUM = shutil.which("chromium")


def seconds(address: str, wait_for: str) -> float:
    """Return the best of three openings [s]."""
    from playwright import sync_api  # noqa: PLC0415  (a development tool)

    times = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for _ in range(3):
            page = browser.new_page()
            begin = time.monotonic()
            page.goto(address)
            page.locator(wait_for).first.wait_for(state="attached")
            times.append(time.monotonic() - begin)
        browser.close()
    return min(times)


if __name__ == "__main__":
    if CHROMIUM is None:
        print("needs chromium; nothing measured")
        sys.exit(0)
    with tempfile.TemporaryDirectory() as folder:
        report = write_report(sweep_folder(Path(folder) / "sweep", 1000))
        empty = seconds("data:text/html,<p>empty</p>", "p")
        full = seconds(report.as_uri(), ".chart .main-svg .overplot")
    print(f"report of 1,000 points: {full:.2f} s, {full / empty:.0f} times an empty page")
