"""What moves weights: the optimizers, and averages of weights."""
