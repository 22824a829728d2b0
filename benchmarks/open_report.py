"""How long a browser takes to open reports against an empty page: a sweep's of 5,000 points, and one of 20 replays.

A report is open when its first picture is there and the page has answered; charts follow when the page is idle or one
of them comes near the screen.  `python benchmarks/open_report.py FILE.html ...` opens other reports.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from analysis.reports.report import write_report
from tests.report_folders import replay_folder, sweep_folder

OPENINGS = 5
DRAWN, STORY, EXPLORED = ".chart .main-svg .overplot", "#worth .saves", "html[data-explorer=ready]"
CHROMIUM = shutil.which("chromium")


def seconds(address: str, wait_for: str) -> float:
    """Return the median of five openings [s]."""
    from playwright import sync_api  # noqa: PLC0415  (a development tool)

    times = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for _ in range(OPENINGS):
            page = browser.new_page()
            begin = time.monotonic()
            page.goto(address)
            page.locator(wait_for).first.wait_for(state="attached")
            page.evaluate(
                "new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
            )  # drawn, and it answers
            times.append(time.monotonic() - begin)
            page.close()
        browser.close()
    return median(times)


if __name__ == "__main__":
    if CHROMIUM is None:
        print("needs chromium; nothing measured")
        sys.exit(0)
    empty = seconds("data:text/html,<p>empty</p>", "p")

    def tell(what: str, report: Path, first: str, last: str) -> None:
        begun, full = seconds(report.as_uri(), first), seconds(report.as_uri(), last)
        print(
            f"report of {what}: {report.stat().st_size / 1e6:.2f} MB, open after {begun:.2f} s, first chart after "
            f"{full:.2f} s; an empty page {empty:.2f} s"
        )

    for name in sys.argv[1:]:
        tell(name, Path(name).resolve(), STORY, DRAWN)
    if sys.argv[1:]:
        sys.exit(0)
    with tempfile.TemporaryDirectory() as folder:
        sweep = write_report(sweep_folder(Path(folder) / "sweep", 5000))
        names = ("cortex_m4", "cortex_m55", "cortex_m7", "edge_npu_16x16", "edge_npu_32x32")
        replays = write_report(
            replay_folder(Path(folder) / "replays", {f"{n}.{k}": n for n in names for k in range(4)})
        )
        tell("5,000 points", sweep, EXPLORED, EXPLORED)
        tell("20 replays", replays, STORY, DRAWN)
