"""gRPC servers and channels: listening, authentication, limits, error statuses, health checks, and dialing."""
