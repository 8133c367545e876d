"""Receives Live Link datagrams, and keeps statistics of what arrives."""
