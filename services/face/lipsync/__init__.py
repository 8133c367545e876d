"""The shipped face model: a small recurrent network in ONNX Runtime, with rules for the upper face."""

DEFAULT_MODEL = "lipsync"
"""Name of the shipped model; here, so that settings can name it without ONNX Runtime."""
