"""One turn at the player: its sound, frames and emotions by position."""
