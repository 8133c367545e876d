"""Shared by all services: errors, settings, types, addresses, message conversion, memory and scheduling."""
