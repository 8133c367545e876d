"""Receiving Live Link datagrams, and statistics of what arrives."""
