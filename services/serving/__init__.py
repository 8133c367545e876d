"""gRPC servers and channels: the port, the guard, health, dialing."""
