"""What runs each tick: turns are planned, sound is rendered, frames are sent."""
