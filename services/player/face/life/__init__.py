"""What a face does of itself: motion, blinks, gaze, what it makes of the voice it hears from itself, and recordings."""
