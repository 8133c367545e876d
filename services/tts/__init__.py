"""The speech service: text to audio, with the time of every word."""
