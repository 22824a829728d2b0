"""The guide's own commands and code, run as it says."""

import re
import shlex
from pathlib import Path

import pytest

from lacuna.__main__ import main
from tests.report_folders import small_trace
from traces.files.storage import save_trace

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(sh|yaml|python)\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
PAGES = sorted((ROOT / "docs").glob("*.md"))


def run(command: str) -> None:
    """Run one line of the guide."""
    program, *arguments = shlex.split(command, comments=True)
    assert program == "lacuna"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["lacuna", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
    assert not end.value.code, command


@pytest.mark.slow
def test_the_guide_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out" / "demo").mkdir(parents=True)
    save_trace(small_trace(), tmp_path / "out" / "demo" / "digits_lcnet.parquet")
    assert [language for language, _ in BLOCKS].count("sh") >= 8
    for language, text in BLOCKS:
        if language == "sh":
            for line in text.splitlines():
                run(line)
        elif language == "yaml":
            name = text.splitlines()[0].removeprefix("# ")
            (tmp_path / name).write_text(text, encoding="utf-8")
        else:
            exec(compile(text, "guide.md", "exec"), {})
    for made in (
        "first/report.html",
        "mine/summary.json",
        "tiny/per_op.parquet",
        "sweep/report.html",
        "stream",
    ):
        assert (tmp_path / "out" / made).exists(), made
    assert list((tmp_path / "out" / "python" / "figures").glob("*.svg"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}
            assert anchor in slugs, link
