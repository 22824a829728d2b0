"""A microNPU of Arm's Ethos-U structure, as Vela estimates it: blocks, an output stage, staged weights."""
