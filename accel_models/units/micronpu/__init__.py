"""A microNPU of Arm's Ethos-U structure, as its compiler Vela estimates it: blocks, an output stage, prefetched weights."""
