"""One figure as every drawer sees it: what it is called, what it says, and what it shows."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.figures.figure_info import EnergyInfo, HeatInfo, LatencyInfo, TailInfo
from analysis.figures.losses_info import LossesInfo
from analysis.figures.pareto_info import ParetoInfo
from analysis.figures.roofline_info import RooflineInfo
from analysis.figures.story_info import StoryInfo
from analysis.figures.time_info import TimeInfo
from analysis.figures.timeline_info import TimelineInfo
from analysis.figures.waterfall_info import WaterfallInfo

ChartInfo = (
    LatencyInfo
    | TailInfo
    | EnergyInfo
    | LossesInfo
    | TimeInfo
    | HeatInfo
    | WaterfallInfo
    | RooflineInfo
    | TimelineInfo
    | ParetoInfo
)
Info = ChartInfo | StoryInfo  # the story stands in a page as words and bars, without a drawing library
FIGURE_FORMATS = ("png", "svg", "pdf")  # in which a picture is written


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure before it is drawn."""

    key: str  # unique in a report: file name and anchor, ASCII
    title: str
    caption: str  # how to read it, in a sentence
    info: Info
