"""The published NeuroSync transformer: 256 audio features in, 61 curves and 7 emotions out. Needs torch."""
