"""Files of face frames: Live Link Face CSV, NPZ, JSON."""
