"""Input and output at the terminal: notices, progress, Ctrl-C, typed lines, and a small face."""
