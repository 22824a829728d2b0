"""What tests ask of a page: its elements, links and words; and of folders: what a report shows of them."""

import re
from html.parser import HTMLParser
from pathlib import Path

from analysis.reports.folders import find_results
from analysis.reports.replays.view import MisfitView, ReplayView, read_views


def views_in(*folders: Path) -> tuple[ReplayView | MisfitView, ...]:
    return read_views(find_results(folders).replays)


class Reader(HTMLParser):
    """Collects elements, ids, links and the words outside scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.outside: list[str] = []
        self.words: list[str] = []
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag in {"script", "style"}:
            self._inside.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name == "href" and value:
                self.links.append(value)
            if name in {"src", "srcset", "action", "data"}:
                self.outside.append(f"{tag} {name}={value}")
            if name.startswith("on"):
                self.outside.append(f"{tag} {name}")

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.words.append(data)


def chart_in(page: str, key: str) -> str:
    found = re.search(rf'id="data-{key}">(.*?)</script>', page, re.DOTALL)
    assert found
    return found.group(1)
