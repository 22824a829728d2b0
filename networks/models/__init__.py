"""PyTorch modules of dynamic networks, and their graphs."""
