"""The site: what the hooks add to the pages, and that the whole is built without a warning (some fifteen seconds)."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs import site_hooks

ROOT = Path(__file__).parents[1]


def test_the_page_of_names_has_every_name_where_it_is_defined() -> None:
    names = [home.rsplit(".", 1)[1] for home in site_hooks.public_names()]
    short = {"report", "Graph", "__version__"}  # of write_report and NetworkGraph
    assert {*names} - {"write_report"} | short == {*importlib.import_module("lacuna").__all__}
    assert site_hooks.on_page_markdown("nothing asked for") == "nothing asked for"
    assert "::: traces.trace.Trace\n" in site_hooks.on_page_markdown(f"# Python\n\n{site_hooks.NAMES}\n")


def test_every_equation_and_row_can_be_linked_to() -> None:
    page = (
        '<h2 id="array">Array</h2><div class="highlight"><pre>cycles = 2 rows</pre></div>'
        "<table><thead><tr><th>case</th></tr></thead><tr><td>a &lt; b</td><td>1</td></tr>"
        "<tr><td>a &lt; b</td><td>2</td></tr></table>"
    )
    anchors = re.findall(r' id="(at-[^"]+)"', site_hooks.on_page_content(page))
    assert anchors == ["at-array-cycles", "at-array-a-b", "at-array-a-b-2"]


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    listed = re.findall(r"- (\S+\.md)", navigation)
    assert sorted(listed) == sorted(page.name for page in (ROOT / "docs").glob("*.md"))


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="mkdocs is not installed: make site")
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert 'id="at-' in (tmp_path / "model" / "index.html").read_text(encoding="utf-8")
