"""Face: sound to 61 blendshape curves at 60 frames a second."""
