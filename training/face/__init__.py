"""How the shipped face model is made: synthetic speech, a rule-based teacher, a small network."""
