"""Results of a stream: figures and one row per frame; on disk a folder of plain files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from accel_models import Design, load_design
from simulator.agreement import check_design
from simulator.checksums import check_sums, staged, write_sums
from simulator.folders import (
    design_yaml,
    read_figures,
    read_parquet,
    read_policy,
    write_parquet,
    write_text,
)
from simulator.policy import Policy
from simulator.streams.agreement import check_against_frames
from simulator.streams.summary import StreamSummary
from simulator.summary import MODEL_VERSION
from traces import FileProblem

if TYPE_CHECKING:
    import pandas as pd


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

    def made_by(self, command: str) -> StreamResults:
        """Return the same results with the command that was typed for them."""
        return replace(self, figures=self.figures.model_copy(update={"command": command}))

    @property
    def per_frame(self) -> pd.DataFrame:
        """One row per frame, in order of arrival."""
        import pandas as pd  # noqa: PLC0415  (slow to import)

        return pd.DataFrame(dict(self.columns))

    def save(self, folder: str | Path) -> None:
        """Write the folder as one thing, with the sums of its files, as those of replays are."""
        target = Path(folder)
        with staged(target, "a stream") as stage:
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
    figures = read_figures(path, StreamSummary.model_validate, StreamSummary, again="stream again")
    check_sums(target, needed=figures.model_version == MODEL_VERSION, again="stream again")
    columns = read_parquet(target / "per_frame.parquet")
    check_against_frames(figures, columns, target)
    design, policy = load_design(target / "design.yaml"), read_policy(target / "policy.json")
    check_design(figures, design, target)
    return StreamResults(figures, design, policy, columns)
