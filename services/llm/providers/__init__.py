"""Language model providers: one Protocol, and a module for each kind of provider."""
