"""Cost tables, and measured rows of one's own."""

from __future__ import annotations

import csv
import io
import json
import math
from functools import cache
from importlib import resources
from pathlib import Path
from random import Random

from accel_models.cost_table import cost_table
from analysis.validation.row_kinds import ROW_KINDS
from analysis.validation.rows.kind import read_measured_rows, score_rows
from tests.fuzz.home import design, small_network
from tests.fuzz.kind import Kind, as_json, bytes_of, mutated

ROWS = {  # kind: file of shipped rows
    "scalesim": "array_scalesim.csv",
    "rtl": "array_rtl.csv",
    "simd_instructions": "simd_instructions.csv",
    "mlperf_tiny": "mlperf_tiny.csv",
    "cortexm": "simd_networks.csv",
    "gemmini_conv": "gemmini_conv_rtl.csv",
    "dpacs": "dpacs_fpga.csv",
    "vela_networks": "vela_networks.csv",
}
CELLS = (
    "", "0", "-1", "1", "nan", "inf", "1e308", "1e-320", "99999999999999999999", "x", "\x1b[2J", "=1", "²", "1,5",
    "a" * 3000, "1e400", "True", "-0",
)  # fmt: skip


@cache
def _table() -> bytes:
    return json.dumps(cost_table(small_network(), design("edge_npu_16x16"), "cycles")).encode()


def _read_table(path: Path) -> str:
    """Read a cost table, and ask it for what stands in it and what lies between."""
    import torch  # noqa: PLC0415  (slow to import)

    from networks.training.cost_table import load_cost_table  # noqa: PLC0415  (torch)

    table = load_cost_table(path)
    for name, entry in table.ops.items():
        ends = [
            torch.tensor([float(knots[0]), float(knots[-1])], dtype=torch.float64)
            for knots in (entry.in_channels, entry.out_channels)
        ]
        low, high = table.interpolate(name, *ends).tolist()
        if not math.isclose(high, table.dense(name), rel_tol=1e-9, abs_tol=1e-9) or not 0 <= low < math.inf:
            return f"{name}: {low} to {high}, dense is {table.dense(name)}"
        if not 0 <= table.dense(name) < 2.0**62:
            return f"{name}: costs {table.dense(name)}"
    return ""


@cache
def _shipped(kind: str) -> tuple[tuple[str, ...], tuple[dict[str, str], ...]]:
    text = resources.files("analysis.validation").joinpath("reference", ROWS[kind]).read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    return tuple(rows[0]), tuple(rows)


def _rows(rng: Random) -> bytes:
    """Draw two shipped rows with one or two cells changed; the first line's name is the kind."""
    kind = rng.choice(list(ROWS))
    names, shipped = _shipped(kind)
    rows = [dict(row) for row in rng.sample(shipped, 2)]
    for _ in range(rng.choice([1, 1, 2])):
        rng.choice(rows)[rng.choice(names)] = rng.choice(CELLS)
    return _csv(kind, names, rows)


def _csv(kind: str, names: tuple[str, ...], rows: list[dict[str, str]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, [*names, f"kind:{kind}"], restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _valid_rows() -> list[bytes]:
    return [_csv(kind, _shipped(kind)[0], [dict(row) for row in _shipped(kind)[1][:2]]) for kind in ROWS]


def _read_rows(path: Path) -> str:
    head = path.read_bytes().split(b"\n", 1)[0]
    kind = next((kind for kind in ROWS if f"kind:{kind}".encode() in head.split(b",")[-1]), "scalesim")
    score = score_rows(ROW_KINDS[kind], read_measured_rows(path, ROW_KINDS[kind]))
    for found in (score.overall, *score.groups.values()):
        if found is not None and not 0 <= found.worst < math.inf:
            return f"{kind}: an error of {found.worst}"
    long = [
        skipped for skipped in score.skipped if len(skipped.reason) > 500 or not skipped.reason.isprintable()
    ]
    return f"{kind}: says {long[0].reason[:100]!r}" if long else ""


KINDS = (
    Kind("cost table", "c.json", bytes_of(lambda: [_table()]), _read_table, lambda: [_table()]),
    Kind(
        "cost table, values",
        "c.json",
        lambda rng: as_json(mutated(json.loads(_table()), rng)),
        _read_table,
        lambda: [_table()],
    ),
    Kind("--rows", "r.csv", bytes_of(_valid_rows), _read_rows, _valid_rows),
    Kind("--rows, cells", "r.csv", _rows, _read_rows, _valid_rows),
)
