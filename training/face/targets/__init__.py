"""Target curves of the training: a rule that maps timed phones to mouth shapes."""
