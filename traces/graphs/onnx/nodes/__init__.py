"""ONNX nodes as imported operations: one function per node type, one row per type in a table."""
