"""Speech providers: one Protocol, and a module for each provider over the network."""
