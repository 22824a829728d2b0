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
