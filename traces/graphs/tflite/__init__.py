"""TFLite models as network graphs (the ``tflite`` extra)."""
