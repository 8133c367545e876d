"""Training of the shipped face model: synthetic speech, target curves from a rule, and a small recurrent network."""
