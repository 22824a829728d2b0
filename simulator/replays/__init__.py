"""A trace replayed on a design: prepared, run, accounted for."""
