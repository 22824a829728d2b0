"""Charts that move, for a page or a notebook: the only file that imports plotly, and only where it is needed."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from analysis.figures.pictures import ChartInfo, Picture
from analysis.figures.report.story import StoryInfo

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEAD_HEIGHT: Final = 120  # room for title and legend where no page has them beside the chart [CSS pixels]
_DIGITS: Final = 6  # significant digits a chart holds: more than a screen can show


@cache
def packed_plotly() -> str:
    """Return plotly's own JavaScript, compressed with gzip, as base64: 2.0 instead of 4.8 MB inside every report."""
    from plotly.offline import get_plotlyjs  # noqa: PLC0415  (slow to import)

    return _packed(get_plotlyjs())


def figure_of(picture: Picture) -> go.Figure:
    """Return the picture as a plotly figure with its title and height."""
    import plotly.graph_objects as go  # noqa: PLC0415  (slow to import)

    info = _charted(picture)
    figure = go.Figure(info.chart())
    figure.update_layout(title=picture.title, height=info.chart_height + HEAD_HEIGHT)
    return figure


def chart_json(picture: Picture) -> str:
    """Return ``{"data": [...], "layout": {...}}`` of the picture, without its template, as JSON for a script tag.

    The page writes the legend itself, over its full width.
    """
    content = _rounded(_charted(picture).chart())
    content["layout"].pop("template", None)
    content["layout"]["showlegend"] = False
    return script_safe(content)


def _charted(picture: Picture) -> ChartInfo:
    if isinstance(picture.info, StoryInfo):
        raise TypeError("a page tells the story in words and bars; as a file matplotlib draws it")
    return picture.info


def packed_charts(pictures: Sequence[Picture]) -> str:
    """Return the charts of a folded part by key, as :func:`chart_json` has them, packed as :func:`packed_plotly`."""
    charts = {picture.key: json.loads(chart_json(picture)) for picture in pictures}
    return packed_data(charts)


def packed_data(value: object) -> str:
    """Return a value as JSON, packed as :func:`packed_plotly`."""
    return _packed(script_safe(value))


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")


def template_json() -> str:
    """Return the template that all charts of a page share, as JSON that may stand inside a script tag."""
    import plotly.graph_objects as go  # noqa: PLC0415  (slow to import)

    return script_safe(_rounded(go.Figure().to_plotly_json()["layout"]["template"]))


def script_safe(value: object) -> str:
    """Return ``value`` as JSON without a character that could end the script element around it."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _rounded(value: Any) -> Any:
    """Return nested JSON values with floats cut to :data:`_DIGITS` digits."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return value
