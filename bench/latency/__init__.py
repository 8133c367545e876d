"""Latency of turns, stage by stage."""
