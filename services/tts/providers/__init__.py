"""Where voices come from: one Protocol, and a module for each provider."""
