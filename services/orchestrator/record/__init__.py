"""What is kept of a turn while it runs: transcript, client events, summary, emotions, outcome."""
