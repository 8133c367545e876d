"""What runs on each tick of a sound output: planning of turns, rendering of sound, sending of frames."""
