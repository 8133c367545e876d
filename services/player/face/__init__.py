"""The face of a character on every tick: idle life, speech, emotions, scaling."""
