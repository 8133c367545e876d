"""Starts the services as processes, and keeps them alive."""
