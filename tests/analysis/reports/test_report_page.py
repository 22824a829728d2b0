"""The page of a report: it needs nothing but itself, its links lead somewhere, names are only names, bytes repeat."""

import base64
import gzip
import json
import re
import tomllib
from pathlib import Path

from analysis.figures.charts import script_safe
from analysis.reports.report import write_report
from tests.analysis.reports.report_reader import Reader, chart_in, views_in
from tests.report_folders import (
    HOSTILE_FOLDER,
)


def test_it_needs_nothing_but_itself(page: str) -> None:
    reader = Reader(page)
    assert reader.outside == []
    assert "link" not in reader.tags
    assert "default-src 'none'" in page
    (packed,) = re.findall(r'<script type="application/gzip" id="plotly">([A-Za-z0-9+/=]*)</script>', page)
    assert "plotly.js v" in gzip.decompress(base64.b64decode(packed)).decode()[:200]


def test_every_link_leads_somewhere_and_every_anchor_is_one(page: str) -> None:
    reader = Reader(page)
    assert all(link.startswith("#") for link in reader.links)
    assert {link[1:] for link in reader.links} <= set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))


def test_every_design_has_a_section_and_the_front_leads_to_it(replays: Path, page: str) -> None:
    anchors = [view.name.key for view in views_in(replays)]
    assert len(anchors) == 3
    assert set(anchors) <= set(Reader(page).ids)
    front = json.loads(chart_in(page, "pareto-latency-energy"))
    assert {point[1] for trace in front["data"][1:] for point in trace["customdata"]} == set(anchors)


def test_a_hostile_name_is_shown_and_never_run(page: str) -> None:
    reader = Reader(page)
    assert HOSTILE_FOLDER in "".join(reader.words)
    assert "img" not in reader.tags
    assert "<img" not in page
    for data in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL):
        assert not set("<>&") & set(data)
        json.loads(data)


def test_json_in_a_script_cannot_end_it() -> None:
    text = script_safe({"name": "</script><!--&"})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"name": "</script><!--&"}


def test_the_same_results_give_the_same_bytes(replays: Path, page: str, tmp_path: Path) -> None:
    assert write_report(replays, tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_every_part_of_a_page_is_packed() -> None:
    """A template in a folder that `pyproject.toml` does not name would be missing from what users install."""
    root = Path(__file__).resolve().parents[3]
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["analysis.reports"]
    home = root / "analysis" / "reports"
    packed = {path for pattern in patterns for path in home.glob(pattern) if path.is_file()}
    assert packed == {path for path in (home / "templates").rglob("*") if path.is_file()}
