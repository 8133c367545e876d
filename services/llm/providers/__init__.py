"""Where replies come from: one Protocol, and a module for each kind of provider."""
