"""``docs/choices.md``: what no source tells and we chose, gathered from the marks beside the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from traces import atomic_write

_ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("traces", "accel_models", "simulator", "analysis", "networks", "lacuna")
MARK = "Choice" + ":"  # in two parts, so that this line is none
_HEAD = f"""# Choices

What no source tells and we chose; each stands in the code behind the mark `{MARK}`. Written by `make docs`.
"""


def choices(path: Path) -> Iterator[str]:
    """Yield the sentence behind each mark in a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for i, line in enumerate(lines):
        for rest in line.split(MARK)[1:]:
            yield _sentence([rest, *_continued(lines[i + 1 :])])


def _continued(lines: list[str]) -> Iterator[str]:
    """Yield the lines of the paragraph that follow: as far as the text goes on."""
    for line in lines:
        text = line.strip().removeprefix("#").strip()
        if (
            not text
            or MARK in text
            or not re.match(r"[(\w`]", text)
            or re.match(r"[\w.]+(\(| =|:( |$))", text)
        ):
            return
        yield text


def _sentence(lines: list[str]) -> str:
    """Return the first sentence of the lines, without the quotes and brackets that close the text."""
    text = " ".join(line.strip() for line in lines).split('"')[0]
    return re.split(r"(?<=[.!?])\s+(?=[A-Z`])", text)[0].strip()


def choices_page(root: Path = _ROOT) -> str:
    """Return the page: a list per file, in the order of the folders."""
    parts = [_HEAD]
    for folder in FOLDERS:
        for path in sorted(p for p in (root / folder).rglob("*") if p.suffix in {".py", ".yaml"}):
            found = list(choices(path))
            if found:
                parts.append(
                    f"\n## `{path.relative_to(root).as_posix()}`\n\n" + "".join(f"- {c}\n" for c in found)
                )
    return "".join(parts)


if __name__ == "__main__":
    with atomic_write(_ROOT / "docs" / "choices.md") as part:
        part.write_text(choices_page(), encoding="utf-8")
