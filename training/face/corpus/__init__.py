"""The training corpus: synthetic speech and other audio, augmented, with features and target curves."""
