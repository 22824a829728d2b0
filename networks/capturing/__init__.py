"""Any PyTorch network as a graph, and what its gates decide as a trace."""
