"""One turn at the player: its sound, frames and emotions by time, and the events for its sender."""
