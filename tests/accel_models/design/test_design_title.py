"""A design with changed values is told apart from the shipped one, everywhere it is named."""

from __future__ import annotations

import pickle

from accel_models import altered, load_design


def test_changed_values_stand_beside_the_name() -> None:
    plain = load_design("edge_npu_16x16")
    small = load_design("edge_npu_16x16", {"array.rows": 8, "clock": "160 MHz"})
    assert plain.title == "edge_npu_16x16"
    assert small.title == "edge_npu_16x16, array.rows=8, clock=160 MHz"
    assert small.name == plain.name


def test_what_was_changed_outlives_files_processes_and_further_changes() -> None:
    small = load_design("edge_npu_16x16", {"array.rows": 8})
    assert pickle.loads(pickle.dumps(small)).changed == {"array.rows": "8"}
    smaller = altered(small, {"array.cols": 4})
    assert smaller.changed == {"array.rows": "8", "array.cols": "4"}


def test_words_do_not_move_the_hash() -> None:
    """Rows are 16 already: the same machine by another road."""
    assert load_design("edge_npu_16x16", {"array.rows": 16}).hash == load_design("edge_npu_16x16").hash
