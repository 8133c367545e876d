"""Clients of the services, as commands use them."""
