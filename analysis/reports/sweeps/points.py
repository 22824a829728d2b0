"""One point of a sweep replayed input by input, with all that a sweep leaves out for speed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.reports.provenance import replay_command
from analysis.reports.sweeps.naming import page_of

if TYPE_CHECKING:
    from analysis.sweeps.folder.results import SweepResults

_TIMELINE = 3  # Choice: inputs whose timeline a page shows


def replay_point(results: SweepResults, key: str) -> Path:
    """Replay a point as the sweep did, explained, and return the folder of its results in that of the sweep."""
    from simulator import Policy, replay  # noqa: PLC0415  (slow to import)
    from traces import load_inputs  # noqa: PLC0415  (pulls in pyarrow)

    row = next(row for row in results.rows if row.key == key)
    inputs = load_inputs(Path(results.manifest.traces[row.trace]), results.manifest.inputs)
    policy = Policy.of(json.loads(row.policy))
    folder = results.folder / page_of(row)
    command = replay_command(results.manifest.traces[row.trace], policy, results.manifest.inputs)
    replay(inputs, results.design(key), policy=policy, timeline=_TIMELINE).made_by(command).save(folder)
    return folder
