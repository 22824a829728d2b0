"""Results of a replay: figures, one row per input, one row per op; on disk a folder of plain files."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from accel_models import Design, load_design
from simulator.agreement import check_against_inputs, check_design, op_rows_of
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
from simulator.replays.op_times import OpRow
from simulator.summary import (
    DoesNotFit,
    Explained,
    Replayed,
    Summary,
    in_digits,
    summary_json,
    summary_of,
)
from traces import (
    FileProblem,
    UnsupportedError,
    atomic_write,
    card_html,
    reading,
)

if TYPE_CHECKING:
    import pandas as pd

_PLOTS = "analysis.notebook.plots:Plots"
FILES = ("summary.json", "per_input.parquet", "per_op.parquet", "design.yaml", "policy.json")
TIMELINE = "timeline.json.gz"
MOST_TIMELINE = 1 << 28  # bytes unpacked; Choice: a thousand inputs of a deep network take a tenth


@dataclass(frozen=True, eq=False, repr=False)
class Results:
    """What a replay found; columns are described in docs/guide.md."""

    figures: Summary
    design: Design
    policy: Policy
    columns: Mapping[str, NDArray[Any]]  # per input; empty if the network does not fit
    ops: tuple[OpRow, ...]
    timeline: str = ""  # Chrome Trace Event JSON of the first inputs, if asked for

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be read before the figures: gates that the design cannot use, channels that nothing sorts."""
        return self.figures.notes

    @property
    def feasible(self) -> bool:
        """Whether the network fits the design at all."""
        return self.figures.feasible

    @property
    def reason(self) -> str:
        """Why it does not fit; empty if it does."""
        return self.figures.reason if isinstance(self.figures, DoesNotFit) else ""

    @property
    def demand(self) -> int | None:
        """Bytes that the smallest tile needs, if that is why it does not fit [B]."""
        return self.figures.demand if isinstance(self.figures, DoesNotFit) else None

    @property
    def bound(self) -> int | None:
        """Bytes that are there [B]."""
        return self.figures.bound if isinstance(self.figures, DoesNotFit) else None

    @property
    def replayed(self) -> Replayed:
        """The figures of a network that fits.

        Raises
        ------
        UnsupportedError
            If it does not.
        """
        if isinstance(self.figures, DoesNotFit):
            raise UnsupportedError(f"design {self.design.name!r}: does not fit: {self.reason}")
        return self.figures

    @property
    def explained(self) -> Explained:
        """The figures beside those of idealised replays.

        Raises
        ------
        UnsupportedError
            If the network does not fit, or was replayed with ``explain=False``.
        """
        if not isinstance(self.replayed, Explained):
            raise UnsupportedError(
                f"replay of {self.figures.network!r} on {self.design.name!r}: was not explained; "
                "replay again with explain=True"
            )
        return self.replayed

    def summary(self) -> Summary:
        """Return the figures, or why there are none."""
        return self.figures

    def made_by(self, command: str) -> Results:
        """Return the same results with the command that was typed for them."""
        return replace(self, figures=self.figures.model_copy(update={"command": command}))

    @property
    def plot(self) -> Any:
        """Figures of this replay: ``results.plot.waterfall()``, ``cdf``, ``ops``, ``timeline``, ``roofline``.

        See :class:`analysis.notebook.plots.Plots`.  What draws lies above this folder, so it is found by its name.
        """
        return resolve_name(_PLOTS)(self)

    def __repr__(self) -> str:
        return f"<Results: {', '.join(f'{name} {value}' for name, value in self._facts())}>"

    def _repr_html_(self) -> str:
        return card_html("Results", self._facts())

    def _facts(self) -> list[tuple[str, str]]:
        """Return what a look at the results should tell."""
        figures = self.figures
        named = [
            ("network", figures.network),
            ("design", self.design.title),
            ("inputs", f"{figures.inputs:,}"),
        ]
        if isinstance(figures, DoesNotFit):
            return [*named, ("does not fit:", figures.reason)]
        latency, energy = figures.latency_us, figures.energy_uj
        known = [] if figures.accuracy is None else [("accuracy", f"{100 * figures.accuracy:.1f} %")]
        return [
            *named,
            (
                "latency",
                f"{in_digits(latency.mean)} us (p99 {in_digits(latency.p99)}, "
                f"dense {in_digits(figures.dense.latency_us)})",
            ),
            ("energy", f"{in_digits(energy.mean)} uJ (dense {in_digits(figures.dense.energy_uj)})"),
            *known,
        ]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per input, as :attr:`per_input`."""
        return self.per_input

    @property
    def per_input(self) -> pd.DataFrame:
        """One row per input, in recorded order."""
        import pandas as pd  # noqa: PLC0415  (slow to import)

        return pd.DataFrame(dict(self.columns))

    @property
    def per_batch(self) -> pd.DataFrame:
        """One row per batch: its inputs, its time, and the energy and bytes of all its inputs together."""
        parts = self.per_input.groupby("batch", sort=True)
        return parts.agg(
            inputs=("input", "size"),
            macs=("macs", "sum"),
            latency_cycles=("latency_cycles", "first"),
            latency_us=("latency_us", "first"),
            energy_pj=("energy_pj", "sum"),
            dram_bytes=("dram_bytes", "sum"),
            wasted_bytes=("wasted_bytes", "sum"),
        ).reset_index()

    @property
    def per_op(self) -> pd.DataFrame:
        """One row per op, in program order."""
        import pandas as pd  # noqa: PLC0415  (slow to import)

        return pd.DataFrame(self._op_columns())

    def _op_columns(self) -> dict[str, list[Any]]:
        names = [field.name for field in fields(OpRow)]
        return {name: [getattr(row, name) for row in self.ops] for name in names}

    def save(self, folder: str | Path) -> None:
        """Write the folder as one thing: all files beside it first, then the two trade places.

        A full disk or a kill leaves what an earlier replay put there; see :func:`simulator.checksums.staged`.
        """
        target = Path(folder)
        with staged(target, "a replay") as stage:
            self._write(stage)

    def _write(self, target: Path) -> None:
        write_parquet(self.columns, target / "per_input.parquet")
        write_parquet(self._op_columns(), target / "per_op.parquet")
        write_text(design_yaml(self.design), target / "design.yaml")
        write_text(self.policy.model_dump_json(indent=2) + "\n", target / "policy.json")
        if self.timeline:
            with atomic_write(target / TIMELINE) as part:
                part.write_bytes(gzip.compress(self.timeline.encode(), mtime=0))
        write_text(
            json.dumps(summary_json(self.figures), indent=2, ensure_ascii=False) + "\n",
            target / "summary.json",
        )
        write_sums(target)


def load_results(folder: str | Path) -> Results:
    """Read what :meth:`Results.save` wrote; a folder of another major version is refused."""
    target = Path(folder)
    if not target.is_dir():
        raise FileProblem(f"{target}: no such results folder")
    missing = [name for name in FILES if not (target / name).is_file()]
    if missing:
        raise FileProblem(f"{target}: no results folder of a replay: has no {missing[0]}")
    figures = read_figures(target / "summary.json", summary_of, Explained, again="replay again")
    check_sums(target, needed=figures.schema_version != "1.0")
    inputs, ops = (read_parquet(target / name) for name in ("per_input.parquet", "per_op.parquet"))
    rows = op_rows_of(ops, target / "per_op.parquet")
    design = load_design(target / "design.yaml")
    check_design(figures, design, target)
    check_against_inputs(figures, inputs, design.clock, target)
    return Results(
        figures=figures,
        design=design,
        policy=read_policy(target / "policy.json"),
        columns=inputs,
        ops=rows,
        timeline=_read_timeline(target / TIMELINE),
    )


def _read_timeline(path: Path) -> str:
    """Return the timeline's text; one that unpacks to more than any of ours is refused, not unpacked."""
    if not path.is_file():
        return ""
    with reading(path), gzip.open(path) as file:
        text = file.read(MOST_TIMELINE + 1)
        if len(text) > MOST_TIMELINE:
            raise FileProblem(f"{path}: is damaged: unpacks to more than {MOST_TIMELINE >> 20} MiB")
        return text.decode()
