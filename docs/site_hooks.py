"""What the site adds to the pages: an anchor at every equation and table row, and a page of the public names.

MkDocs calls the two functions that begin with ``on_``; see ``mkdocs.yml``.
"""

from __future__ import annotations

import ast
import html
import re
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
NAMES = "<!-- names -->"
BLOCK = re.compile(r'<div class="highlight">|<tr>(?=\s*<td)')
HEADING = re.compile(r'<h[1-6] id="([^"]+)"')


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the documentation of every public name where a page asks for it."""
    if NAMES not in markdown:
        return markdown
    return markdown.replace(NAMES, "\n\n".join(f"::: {home}" for home in public_names()))


def on_page_content(content: str, **_: Any) -> str:
    """Give every block of equations or code, and every row of a table, an id to link to."""
    return BLOCK.sub(Anchors(content).put, content)


class Anchors:
    """Ids of a page's blocks: the heading above, then a row's first cell or an equation's left-hand side."""

    def __init__(self, page: str) -> None:
        self.page = page
        self.taken: Counter[str] = Counter()

    @cached_property
    def headings(self) -> list[tuple[int, str]]:
        """Places and ids of the page's headings."""
        return [(found.start(), found[1]) for found in HEADING.finditer(self.page)]

    def put(self, block: re.Match[str]) -> str:
        """Return the block's first tag with an id."""
        section = next((name for at, name in reversed(self.headings) if at < block.start()), "top")
        row = block[0] == "<tr>"
        text = self.page[block.end() : self.page.find("</td>" if row else "</pre>", block.end())]
        name = _slug(text if row else text.split("=")[0])
        anchor = f"{section}-{name}" if name else section
        self.taken[anchor] += 1
        times = self.taken[anchor]
        ending = f"-{times}" if times > 1 else ""
        return f'{block[0][:-1]} id="at-{anchor}{ending}">'


def _slug(text: str) -> str:
    words = re.findall(r"\w+", html.unescape(re.sub(r"<[^>]+>", "", text)).lower())
    return "-".join(words[:6])


def public_names() -> list[str]:
    """Return where each name of ``lacuna`` is defined, in the order of its stub, without importing anything."""
    listed = _stub("lacuna")
    homes = [_stub(package).get(name, package) + f".{name}" for name, package in listed.items()]
    return [home for home in homes if not home.startswith("lacuna.")]


def _stub(package: str) -> dict[str, str]:
    stub = ast.parse((ROOT / package / "__init__.pyi").read_text(encoding="utf-8"))
    return {
        alias.name: f"{package}.{node.module}" if node.level else str(node.module)
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
