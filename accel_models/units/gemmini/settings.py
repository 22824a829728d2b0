"""The section ``gemmini`` of a design."""

from __future__ import annotations

from accel_models.design.quantities import NotNegative, Room
from accel_models.design.sections import Part


class Gemmini(Part):
    """What makes the array a Gemmini: its host, its queues, the caches before the DRAM.

    The design's ``array`` is its mesh then, and tiles are those of its library; see
    :mod:`accel_models.units.gemmini`.
    """

    command_interval_cycles: NotNegative
    """Between two pairs of commands of the array."""
    tile_issue_cycles: NotNegative
    """Of the host, per tile."""
    search_cycles: NotNegative
    """Of the host, per candidate of its search for tiles; 0: cut ahead of time."""
    packs_taps: bool = False
    """Taps of a kernel row share the array's rows while their channels fit."""
    skips_strided_rows: bool = False
    """A 1x1 kernel of stride 2 loads only the pixels it uses."""
    loads_bias: bool = False
    """A bias is loaded into the accumulator before a tile's first product; zeros are written otherwise."""
    row_align: Room = 1
    """Kept channels lie so many bytes apart, or a multiple, but never further than all of them."""
    l2: Room
    """Size of the cache before the last level."""
    l2_latency_cycles: NotNegative
    """Of a hit."""
    last_level_cache: Room
    """Size of the cache before the DRAM."""
    l2_beat_cycles: NotNegative = 1.0
    """Per 16 bytes that L2 holds."""
    last_level_line_cycles: NotNegative = 0.0
    """Per line that L2 lacks and the last-level cache holds."""
    crowded_line_cycles: NotNegative = 0.0
    """More per line that L2 lacks, where rows a power of two apart all meet in one of its sets."""
    same_line_store_cycles: NotNegative = 0.0
    """Per store to the line of the store before."""
