"""What a folder of results holds the answers to: ``space.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from analysis.sweeps.budgets import limit_of
from analysis.sweeps.spaces.space import Space
from traces import FileProblem, Frozen, check_version, explain, file_bytes, parse_json_mapping

# Major: readers refuse another; 1.1: parts are sealed; 2.0: trace_file_hash; 2.1: skipped; 2.2: budget; 2.3: runs.
SWEEP_SCHEMA_VERSION = "2.3"
MANIFEST = "space.json"
_SAME = ("designs", "axes", "links", "trace_file_hashes", "inputs")  # of two runs whose rows stand together


class FolderRun(Frozen):
    """One run whose rows a folder holds: a sweep, or a search with its settings."""

    kind: Literal["sweep", "search"]
    evaluations: int = Field(default=0, ge=0, lt=1 << 62)  # points that a search was to find
    sampler: str = ""
    seed: int = Field(default=0, ge=0, lt=1 << 62)  # of a search
    command: str = ""  # what was typed, as a shell takes it, without where to write; "" from Python

    @property
    def words(self) -> str:
        """What was asked, in words."""
        if self.kind == "sweep":
            return "a sweep of every point"
        return f"a search of {self.evaluations:,} points by {self.sampler}, seed {self.seed}"


class Manifest(Frozen):
    """What a folder of results holds the answers to."""

    schema_version: str = SWEEP_SCHEMA_VERSION
    model_version: str
    space_hash: str
    space_text: str  # the space file as it was read
    size: int  # points of the grid
    designs: dict[str, dict[str, Any]]  # base designs in full, by name
    design_files: dict[str, str] = Field(
        default_factory=dict
    )  # of base designs that do not ship, their paths
    axes: dict[str, tuple[str, ...]]  # axis name -> settings it drives
    links: dict[str, dict[str, tuple[Any, ...]]] = Field(
        default_factory=dict
    )  # linked axis -> label -> value of each setting
    traces: dict[str, str]  # name -> path
    trace_file_hashes: dict[str, str]
    skipped: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # network -> what of it has no price
    inputs: int | None
    minimize: tuple[str, ...]
    maximize: tuple[str, ...]
    runs: tuple[FolderRun, ...] = ()  # what has written rows, in order; a run that was resumed once
    budget: dict[str, float] = Field(default_factory=dict)  # quantity -> bound in the unit of its column

    @field_validator("budget")
    @classmethod
    def _check_budget(cls, budget: dict[str, float]) -> dict[str, float]:
        for quantity, limit in budget.items():
            limit_of(quantity, limit)
        return budget

    @classmethod
    def of(cls, space: Space, model_version: str, run: FolderRun) -> Manifest:
        """Return the manifest of a space and its first run."""
        return cls(
            model_version=model_version,
            space_hash=space.hash,
            space_text=space.text,
            size=space.size,
            designs={family.base.name: dict(family.data) for family in space.families},
            design_files={family.base.name: family.file for family in space.families if family.file},
            axes={axis.name: axis.paths for axis in space.axes},
            links=_links(space),
            traces={trace.name: str(trace.path) for trace in space.traces},
            trace_file_hashes={trace.name: trace.hash for trace in space.traces},
            skipped={trace.name: trace.skipped for trace in space.traces if trace.skipped},
            inputs=space.inputs,
            minimize=space.minimize,
            maximize=space.maximize,
            runs=(run,),
            budget={bound.quantity: bound.limit for bound in space.budget},
        )


def read_manifest(folder: Path) -> Manifest:
    """Return what a folder of results was asked."""
    path = folder / MANIFEST
    if not folder.exists():
        raise FileProblem(f"{folder}: no such folder")
    if not path.is_file():
        raise FileProblem(f"{folder}: holds no sweep: there is no {MANIFEST} in it")
    data = parse_json_mapping(file_bytes(path), f"{path}: is damaged")
    check_version(
        data.get("schema_version"), SWEEP_SCHEMA_VERSION, f"{path}: schema version", "name another folder"
    )
    try:
        return Manifest.model_validate(data)
    except ValidationError as problem:
        raise FileProblem(f"{path}: is damaged: {explain(problem, Manifest)}") from None


def check_same(folder: Path, old: Manifest, new: Manifest) -> None:
    """Refuse rows of another space, or of another model, beside those in a folder."""
    if old.model_version != new.model_version:
        raise FileProblem(
            f"{folder}: holds results of model version {old.model_version}, this is {new.model_version}: "
            f"their numbers do not compare; name another folder"
        )
    if old.space_hash != new.space_hash:
        differ = [name for name in _SAME if getattr(old, name) != getattr(new, name)]
        why = f": {', '.join(differ)} differ" if differ else ""
        raise FileProblem(f"{folder}: holds results of another space{why}; name another folder")


def _links(space: Space) -> dict[str, dict[str, tuple[Any, ...]]]:
    """Return what each choice of a linked axis sets, over all families."""
    links: dict[str, dict[str, tuple[Any, ...]]] = {}
    for family in space.families:
        for axis in family.axes:
            if axis.paths != (axis.name,):
                choices = links.setdefault(axis.name, {})
                choices |= {str(axis.label(i)): values for i, values in enumerate(axis.values)}
    return links
