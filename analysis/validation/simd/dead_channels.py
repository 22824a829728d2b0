"""What removing dead channels saves.

Half of the MACs of MLPerf Tiny's visual-wake-words model feed channels that no image ever uses, and stacks began to
remove them from one version to the next.

Six pairs of versions on one chip each.  Between versions a stack got faster on everything else too: the ratio of the
two latencies is taken over that of image classification, which has no dead channels.  The model is asked for the same
ratio, each version by its own software set.  The sets were fitted on all rows of tuned stacks, these among them; the
ratio holds no other constant.
"""

from __future__ import annotations

import numpy as np

from analysis.validation.comparison import Comparison
from analysis.validation.reference_rows import Row
from analysis.validation.simd.reference import latency_ms, mlperf_rows, software_of

# Chip, a stack that removes them, one that does not: as inferred in the table of measurements.
PAIRS = (
    ("STM32L4R5ZIT6U", "X-CUBE-AI v8.1.0", "X-CUBE-AI v8.0.0"),
    ("STM32L4R5ZIT6U", "X-CUBE-AI v8.1.0", "X-CUBE-AI v7.3.0"),
    ("STM32H7A3ZIT6Q", "X-CUBE-AI v8.1.0", "X-CUBE-AI v8.0.0"),
    ("STM32H7A3ZIT6Q", "X-CUBE-AI v8.1.0", "X-CUBE-AI v7.3.0"),
    ("STM32L4R5", "Plumerai Inference Engine 2023.05", "Plumerai Inference Engine"),
    ("PSoC 62 MCU", "Plumerai Inference Engine 2023.05", "Plumerai Inference Engine"),
)


def dead_channels() -> Comparison:
    """Compare latency without dead channels over that with them, each over image classification, on one chip."""
    pairs = [(_last(soc, after), _last(soc, before)) for soc, after, before in PAIRS]
    return Comparison(
        name="dead channels removed on MCUs, latency over all channels",
        truth="MLPerf Tiny v1.0 and v1.1, closed division; live channels: mlcommons/tiny, vww_96_int8.tflite",
        labels=tuple(f"{soc} {before} to {after}" for soc, after, before in PAIRS),
        measured=np.array([_saved(after) / _saved(before) for after, before in pairs]),
        predicted=np.array(
            [_predicted(after, "VWW live") / _predicted(before, "VWW") for after, before in pairs]
        ),
        unit="ratio",
        bound_mean=0.08,
        bound_worst=0.22,
    )


def _last(soc: str, stack: str) -> dict[str, Row]:
    """Return a submission's rows by task, of the last round that has it."""
    rows = [
        row for row in mlperf_rows() if row["soc"] == soc and row["software"] == stack and row["latency_ms"]
    ]
    return {row["benchmark"]: row for row in sorted(rows, key=lambda row: row["round"])}


def _saved(rows: dict[str, Row]) -> float:
    """Return the latency of visual wake words over that of image classification."""
    return float(rows["VWW"]["latency_ms"]) / float(rows["IC"]["latency_ms"])


def _predicted(rows: dict[str, Row], name: str) -> float:
    """Return the same of the model, for visual wake words with all channels or the live ones."""
    software = software_of(rows["VWW"]["software"])
    words, images = ({**rows[task], "network": called} for task, called in (("VWW", name), ("IC", "IC")))
    return latency_ms(words, software) / latency_ms(images, software)
