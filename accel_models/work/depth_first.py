"""Layers fused depth-first: two or three run band by band, so what lies between them never leaves the chip.

::

    rows      conv1            T1 (a band on chip)       conv2             written
    band 1    in 0..4    ──►   0..3                ──►   0..2        ──►   out
    band 2    in 4..7    ──►   3..6, 2 rows kept   ──►   3..5        ──►   out

A band of the last op's rows asks its producer for those under its kernel.  Neighbouring bands share a halo of
(kernel - stride) rows: kept in the band's buffer, every row is computed once; with ``memory.halo_kept: false`` the
producer computes it again for each band.  The weights of all ops of a group stay until its last band.

Source: Mei et al., "DeFiNES", HPCA 2023, section II (fully recompute, and H-cached with full-width tiles); Stream
fuses layers so (Symons et al., IEEE TC 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accel_models.design.sections import Memory
from traces import Op

Rows = tuple[int, int]  # from the first to behind the last


@dataclass(frozen=True, slots=True)
class Group:
    """Ops that run band by band, each reading what the one before makes."""

    ops: tuple[str, ...]  # in program order
    bands: int


@dataclass(frozen=True, slots=True)
class BandRows:
    """Rows of one op's output in a group."""

    computed: int  # over all bands; more than the op has where halos are computed again
    made: int  # by one band at most
    held: int  # that the next op reads for one band, kept rows included


def band_rows(ops: Sequence[Op], bands: int, halo_kept: bool) -> tuple[BandRows, ...]:
    """Return what each op of a chain computes and holds, the last op's rows cut into so many bands.

    Parameters
    ----------
    ops
        In order, each the only reader of the one before.
    bands
        Of equal height but the last, which may be lower; at most as many as there are rows.
    halo_kept
        Rows that two bands read stay in the buffer instead of being computed again.
    """
    last = ops[-1]
    height = -(-last.out_height // bands)
    made = [(top, min(top + height, last.out_height)) for top in range(0, last.out_height, height)]
    found = [BandRows(last.out_height, height, height)]
    for op, before in zip(reversed(ops[1:]), reversed(ops[:-1]), strict=True):
        read = [_rows_read(op, rows, before.out_height) for rows in made]
        made = _fresh(read) if halo_kept else read
        counts = [behind - first for first, behind in made]
        held = max(behind - first for first, behind in read)
        found.append(BandRows(max(sum(counts), before.out_height), max(counts), held))
    return tuple(reversed(found))


def band_bytes(ops: Sequence[Op], rows: Sequence[BandRows], memory: Memory) -> int:
    """Room of the activation buffer for the bands between the ops, of one input at a time [B]."""
    elements = (
        row.held * op.out_width * op.out_channels for op, row in zip(ops[:-1], rows[:-1], strict=True)
    )
    return sum(-(-count * memory.activation_bits // 8) for count in elements)


def band_count(op: Op, bands: int) -> int:
    """Return how many bands the op's rows come to if they are cut into about so many of equal height."""
    return -(-op.out_height // -(-op.out_height // bands))


def _rows_read(op: Op, rows: Rows, height: int) -> Rows:
    """Return the rows of an input of this height under some rows of the op's output; padding is no row.

    Choice: padding is the same above and below, to a row, the odd one below.
    """
    above = max((op.out_height - 1) * op.stride_height + op.span_height - height, 0) // 2
    first, last = (row * op.stride_height - above for row in (rows[0], rows[1] - 1))
    behind = last + op.span_height
    return max(first, 0), max(min(behind, height), 0)


def _fresh(read: Sequence[Rows]) -> list[Rows]:
    """Return the rows that each band needs and no band before it had."""
    found, there = [], 0
    for first, behind in read:
        found.append((max(first, there), max(behind, there)))
        there = found[-1][1]
    return found
