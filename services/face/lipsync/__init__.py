"""The face model that ships with NeuroSync, in ONNX Runtime."""
