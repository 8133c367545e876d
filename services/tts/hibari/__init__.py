"""The embedded voice: hibari, on the processor, without network or key."""
