"""Blocks of the output that a microNPU works on at a time: which may be taken, which is taken, its cycles."""
