"""The explorer in the dark: colours follow what the reader's system asks for, also when that changes.

Text and fields follow by CSS; what bokeh paints on canvases is given its colours by a script.
"""

from __future__ import annotations

from typing import Any, Final

_PAPER, _CARD, _INK, _SOFT, _LINE = (
    "#14171c",
    "#1d2128",
    "#e8eaed",
    "#a5adb8",
    "#3a414b",
)  # as reports have them
_TEMPLATE: Final = f"""
{{% block preamble %}}<style>
:root {{ color-scheme: light dark; }}
body {{ font-family: system-ui, sans-serif; }}
@media (prefers-color-scheme: dark) {{ body {{ background: {_PAPER}; color: {_INK}; }} }}
</style>{{% endblock %}}"""
_FIELDS: Final = f"""
:host {{ color: inherit; }}
@media (prefers-color-scheme: dark) {{
  .bk-input {{ background-color: {_CARD}; color: {_INK}; border-color: {_LINE}; }}
  .noUi-target {{ background: {_CARD}; border-color: {_LINE}; }}
  .noUi-handle {{ background: {_SOFT}; }}
  .noUi-connect {{ background: {_LINE}; }}
}}
"""
_PAINT: Final = """
const dark = matchMedia("(prefers-color-scheme: dark)");
function paint() {
  const [card, ink, line] = dark.matches ? colours : ["#ffffff", "#1b1f24", "#d0d7de"];
  for (const plot of plots) {
    plot.setv({background_fill_color: card, border_fill_color: card, outline_line_color: line});
    for (const place of ["left", "right", "above", "below", "center"]) {
      for (const part of plot[place]) {
        if (part.type === "Grid") part.grid_line_color = line;
        else if (part.type === "Legend") part.setv({background_fill_color: card,
          label_text_color: ink, border_line_color: line});
        else if (part.type === "Title") part.text_color = ink;
        else if (part.type.endsWith("Axis")) part.setv({axis_label_text_color: ink, major_label_text_color: ink,
          axis_line_color: ink, major_tick_line_color: ink, minor_tick_line_color: ink});
      }
    }
    if (plot.title) plot.title.text_color = ink;
  }
  document.documentElement.dataset.scheme = dark.matches ? "dark" : "light";
}
paint();
dark.addEventListener("change", paint);
"""


def fields() -> list[Any]:
    """Return the style sheet of a menu, a slider or a text."""
    from bokeh.models import InlineStyleSheet  # noqa: PLC0415  (optional)

    return [InlineStyleSheet(css=_FIELDS)]


def follow(doc: Any, plots: list[Any]) -> None:
    """Let a document's plots have the colours of the reader's scheme."""
    from bokeh.models import CustomJS  # noqa: PLC0415  (optional)

    doc.template = _TEMPLATE
    doc.js_on_event(
        "document_ready", CustomJS(args={"plots": plots, "colours": [_CARD, _INK, _LINE]}, code=_PAINT)
    )
