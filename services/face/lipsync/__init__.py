"""The shipped face model: a small recurrent network in ONNX Runtime, with rules for the upper face."""
