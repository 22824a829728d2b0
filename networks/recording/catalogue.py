"""What ships, read from the provenance file alone: no PyTorch, no checkpoint is opened.

Entries without a checkpoint are networks that were measured and whose weights do not ship, for their size.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from traces import FileProblem

_ROOT = Path(__file__).parents[2]
PROVENANCE = Path("networks/shipped/provenance.json")  # from the root of the code


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedNetwork:
    """One trained network that ships."""

    name: str
    method: str
    accuracy: float  # of the test images [0..1]
    macs: float  # mean per image, the gates' own included [MAC]
    macs_share: float  # of the static network's
    gates: dict[str, int]  # number of each kind, empty for static networks
    size_bytes: int  # of the checkpoint
    trace: str  # name of the trace that ships, "" for none


def shipped_networks() -> list[ShippedNetwork]:
    """Return the networks that ship, by name.

    Raises
    ------
    FileProblem
        The provenance file or a checkpoint that it tells of is missing or damaged.
    """
    path = _ROOT / PROVENANCE
    try:
        entries: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["artefacts"]
        return [_shipped(name, entry) for name, entry in sorted(entries.items()) if "checkpoint" in entry]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileProblem(f"{path}: missing or damaged ({error!r}); install again") from None


def _shipped(name: str, entry: dict[str, Any]) -> ShippedNetwork:
    share = float(entry["macs_kept"]["mean"]) if "macs_kept" in entry else 1.0
    return ShippedNetwork(
        name=name,
        method=str(entry["method"]),
        accuracy=float(entry["test_accuracy"]),
        macs=share * int(entry["macs"]),
        macs_share=share,
        gates={str(kind): int(count) for kind, count in entry["gates"].items()},
        size_bytes=(_ROOT / entry["checkpoint"]).stat().st_size,
        trace=Path(entry["trace"]).stem if "trace" in entry else "",
    )
