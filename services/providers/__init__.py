"""Backends of a service: failover between them, circuit breakers, HTTP calls, and a registry of their factories."""
