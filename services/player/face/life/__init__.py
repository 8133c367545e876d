"""The idle life of a face: slow motion, blinks, gaze, prosody of its own voice, and recorded loops."""
