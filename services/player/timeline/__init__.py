"""Time at the player: the device clock, ticks at 60 Hz, and the thread that wakes for each."""
