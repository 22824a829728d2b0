"""Training: data, objectives, optimisers, checkpoints, configurations."""
