"""Results of a stream: figures and one row per frame; on disk a folder of plain files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from accel_models import Design, load_design
from simulator.policy import Policy
from simulator.results import (
    design_yaml,
    make_folder,
    read_figures,
    read_parquet,
    read_policy,
    write_parquet,
    write_text,
)
from simulator.summary import MODEL_VERSION, RESULTS_SCHEMA_VERSION, Spread
from simulator.sums import check_sums, staged, write_sums
from traces import FileProblem, Frozen

if TYPE_CHECKING:
    import pandas as pd


class StreamSummary(Frozen):
    """Figures of a stream; latency is from arrival to answer, over completed frames."""

    schema_version: str = RESULTS_SCHEMA_VERSION
    model_version: str = MODEL_VERSION
    network: str
    design: str
    design_hash: str
    frames: int
    completed: int
    dropped: int
    missed: int  # dropped, late, or with a budget below the first exit
    miss_rate: float
    load: float  # share of the capacity asked for
    unstable: bool  # load of 1 or more: without drops the queue would grow without end
    seconds: float  # from 0 to the last arrival or answer
    frames_per_second: float
    latency_us: Spread
    wait_us: Spread
    energy_uj_per_frame: float  # of completed frames; leakage and idle clocking of the whole time included
    asleep: float = 0.0  # share of the time, if the design has a sleep mode
    accuracy: float  # of all frames; what got no answer is wrong
    busy: dict[str, float]  # share of the time that each unit works
    skipped: tuple[str, ...] = ()  # of the model, what has no price


@dataclass(frozen=True, eq=False)
class StreamResults:
    """What happened to a stream."""

    figures: StreamSummary
    design: Design
    policy: Policy
    columns: Mapping[str, NDArray[Any]]

    def summary(self) -> StreamSummary:
        """Return the figures."""
        return self.figures

    @property
    def per_frame(self) -> pd.DataFrame:
        """One row per frame, in order of arrival."""
        import pandas as pd  # noqa: PLC0415  (slow to import)

        return pd.DataFrame(dict(self.columns))

    def save(self, folder: str | Path) -> None:
        """Write the folder as one thing, with the sums of its files, as those of replays are."""
        target = Path(folder)
        make_folder(target)
        with staged(target) as stage:
            write_parquet(self.columns, stage / "per_frame.parquet")
            write_text(design_yaml(self.design), stage / "design.yaml")
            write_text(self.policy.model_dump_json(indent=2) + "\n", stage / "policy.json")
            write_text(self.figures.model_dump_json(indent=2) + "\n", stage / "stream.json")
            write_sums(stage)


def load_stream(folder: str | Path) -> StreamResults:
    """Read what :meth:`StreamResults.save` wrote."""
    target = Path(folder)
    path = target / "stream.json"
    if not path.is_file():
        raise FileProblem(f"{target}: no results folder of a stream: has no {path.name}")
    check_sums(target, needed=False)  # streams of before have none
    figures = read_figures(path, StreamSummary.model_validate, StreamSummary, again="stream again")
    columns = read_parquet(target / "per_frame.parquet")
    if any(len(values) != figures.frames for values in columns.values()):
        raise FileProblem(
            f"{target}: is damaged: {figures.frames} frames in stream.json, others in per_frame"
        )
    design, policy = load_design(target / "design.yaml"), read_policy(target / "policy.json")
    return StreamResults(figures, design, policy, columns)
