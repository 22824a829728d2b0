"""How quickly the command line answers: ``lacuna --help`` beside Python's own start."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 7
LIMIT_S = 0.5


def median_seconds(*command: str) -> float:
    """Return the median wall time of whole processes [s], after one warm-up."""
    times = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


if __name__ == "__main__":
    bare = median_seconds(sys.executable, "-c", "pass")
    answer = median_seconds(sys.executable, "-m", "lacuna", "--help")
    print(f"python -c pass: {bare:.3f} s; lacuna --help: {answer:.3f} s, {answer / bare:.1f} times as long")
    print(f"under {LIMIT_S} s: {'yes' if answer < LIMIT_S else 'NO'}")
