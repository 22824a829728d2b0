"""What early exits of a recorded network buy: at fixed thresholds, and at thresholds chosen on other images."""

from __future__ import annotations

from typing import Any

import numpy as np

from traces import Trace, lower, with_exit_threshold

THRESHOLDS = (1.01, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)  # of confidence, at which exits are compared
VALIDATION_LOSSES = (0.0, 0.003, 0.01, 0.02)  # of validation accuracy that a chosen threshold may cost [0..1]
_TRIED = tuple(float(threshold) for threshold in np.round(np.arange(0.2, 1.02, 0.01), 2))


def exit_points(test: Trace, validation: Trace, dense_macs: int) -> dict[str, Any]:
    """Return what the exits of a network answer, for its entry of the provenance file.

    ``exit_test_accuracy`` is what each exit answers by itself, ``exit_thresholds`` what fixed thresholds cost and
    answer.  ``exit_choices`` are thresholds that no test image has seen: the lowest that loses no more than a stated
    share of the *validation* images, and what it does with the test images.

    Parameters
    ----------
    test, validation
        Recorded decisions of one network on both parts; empty without exits.
    dense_macs
        Of the static network [MAC].
    """
    found: dict[str, Any] = {}
    for predictions in test.exit_predictions.values():
        right = predictions == test.labels[:, None]
        found["exit_test_accuracy"] = [round(float(share), 4) for share in right.mean(0)]
        found["exit_thresholds"] = [_at(test, threshold, dense_macs) for threshold in THRESHOLDS]
        found["exit_choices"] = [_chosen(test, validation, lost, dense_macs) for lost in VALIDATION_LOSSES]
    return found


def lowest_threshold(validation: Trace, lost: float) -> float:
    """Return the lowest threshold at which a network answers at most ``lost`` fewer of these inputs [0..1]."""
    wanted = with_exit_threshold(validation, THRESHOLDS[0]).accuracy - lost
    return min(
        (t for t in _TRIED if with_exit_threshold(validation, t).accuracy >= wanted), default=THRESHOLDS[0]
    )


def _chosen(test: Trace, validation: Trace, lost: float, dense_macs: int) -> dict[str, float]:
    threshold = lowest_threshold(validation, lost)
    seen = with_exit_threshold(validation, threshold).accuracy
    return {"points_lost": lost, "validation_accuracy": round(seen, 4), **_at(test, threshold, dense_macs)}


def _at(trace: Trace, threshold: float, dense_macs: int) -> dict[str, float]:
    chosen = with_exit_threshold(trace, threshold)
    return {
        "threshold": threshold,
        "macs_kept": round(float(lower(chosen).macs.mean()) / dense_macs, 4),
        "test_accuracy": round(chosen.accuracy, 4),
    }
