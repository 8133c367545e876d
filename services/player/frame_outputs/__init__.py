"""Where face frames are sent: one module for each protocol, and the registry of them."""
