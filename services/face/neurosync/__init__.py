"""The published NeuroSync transformer: 256 features of sound in, 61 curves and 7 emotions out. Needs torch."""
