"""Player: the sound device, the clock, and the Live Link socket."""
