"""Arm Vela's estimates of Ethos-U, op by op and network by network."""
