"""File formats of face frames: Live Link Face CSV, NPZ and JSON."""
