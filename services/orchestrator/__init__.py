"""Orchestrator: one turn from prompt to sound and face, and its memory."""
