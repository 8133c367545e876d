"""Text processing for speech: sentence splitting, normalisation and emotion tags; pure."""
