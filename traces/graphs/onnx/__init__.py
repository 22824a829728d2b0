"""ONNX models as network graphs (the ``onnx`` extra)."""
