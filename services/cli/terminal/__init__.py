"""The terminal: typed lines and a small face."""
