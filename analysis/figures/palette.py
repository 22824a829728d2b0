"""Colours that colour-blind readers can tell apart, shared by the static figures and the report.

Source: Okabe and Ito, "Color Universal Design", 2008 (eight colours); heat maps use "cividis" (Nuñez et al.,
PLoS ONE 13(7), 2018), which keeps its order in grey and for every common kind of colour blindness.
"""

from __future__ import annotations

from typing import Final

BLACK: Final = "#000000"
ORANGE: Final = "#E69F00"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
YELLOW: Final = "#F0E442"
BLUE: Final = "#0072B2"
RED: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
GREY: Final = "#8A8A8A"

SERIES: Final[tuple[str, ...]] = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED, YELLOW, GREY)
HEAT: Final = "cividis"  # as matplotlib calls it; plotly's names have changed, so it is given the colours
HEAT_COLOURS: Final = (
    "#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838",
)  # fmt: skip  # of it, evenly spaced

# What a replay is compared with, by name: the same colour and dash in every figure.
REFERENCES: Final[dict[str, tuple[str, str]]] = {
    # name:           (colour, dash as plotly names it)
    "dense":            (RED,    "solid"),
    "mean rate":        (ORANGE, "dash"),
    "expected":         (BLUE,   "dash"),
    "MAC-proportional": (GREEN,  "dot"),
    "oracle":           (PURPLE, "dashdot"),
}  # fmt: skip
MARKERS: Final = "osD^v<>PX*hd"  # of series, as matplotlib names them
BAR_COLOUR: Final = {"total": BLUE, "deficit": RED, "loss": ORANGE, "gain": GREEN}  # of a waterfall


_LOSSES: Final[tuple[str, ...]] = (RED, ORANGE, YELLOW, PURPLE, SKY, BLUE, "#6E5A8A", GREY)


def loss_colour(index: int) -> str:
    """Return the colour of the ``index``-th loss; green is left to what is saved."""
    return _LOSSES[index % len(_LOSSES)]


def series_colour(index: int) -> str:
    """Return the colour of the ``index``-th series; they repeat after eight."""
    return SERIES[index % len(SERIES)]
