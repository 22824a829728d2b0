"""How a value shows itself in a notebook: a title and a few facts, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def card_html(title: str, facts: Sequence[tuple[str, str]]) -> str:
    """Return a small table of names and values; all text is escaped."""
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th><td style="text-align:left">{escape(value)}</td></tr>'
        for name, value in facts
    )
    return f"<div><strong>{escape(title)}</strong><table>{rows}</table></div>"


class Card:
    """A value that shows itself by a few facts: in one line, and as a small table in a notebook."""

    __slots__ = ()

    def facts(self) -> Sequence[tuple[str, str]]:
        """Return what is told of it: names and values."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(f'{name} {value}' for name, value in self.facts())}>"

    def _repr_html_(self) -> str:
        return card_html(type(self).__name__, self.facts())
