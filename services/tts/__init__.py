"""Voice: text to sound with the time of every word."""
