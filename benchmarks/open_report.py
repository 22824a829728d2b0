"""How long a browser takes to open reports, a sweep's of 5,000 points and one of 20 replays, against an empty page."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from analysis.reports.report import write_report
from tests.report_folders import replay_folder, sweep_folder

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
        sweep = write_report(sweep_folder(Path(folder) / "sweep", 5000))
        names = ("cortex_m4", "cortex_m55", "cortex_m7", "edge_npu_16x16", "edge_npu_32x32")
        replays = write_report(
            replay_folder(Path(folder) / "replays", {f"{n}.{k}": n for n in names for k in range(4)})
        )
        empty = seconds("data:text/html,<p>empty</p>", "p")
        drawn, explored = ".chart .main-svg .overplot", "html[data-explorer=ready]"
        for what, report, first, last in (
            ("5,000 points", sweep, explored, explored),
            ("20 replays", replays, "#worth .saves", drawn),
        ):
            begun, full = seconds(report.as_uri(), first), seconds(report.as_uri(), last)
            print(
                f"report of {what}: {report.stat().st_size / 1e6:.2f} MB, first picture after {begun:.2f} s, first "
                f"chart after {full:.2f} s, {full / empty:.0f} times an empty page"
            )
