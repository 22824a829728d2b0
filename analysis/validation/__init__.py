"""The product beside the truth: RTL, other simulators, silicon."""
