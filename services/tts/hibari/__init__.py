"""The embedded voice: hibari, on the CPU, without network or key."""
