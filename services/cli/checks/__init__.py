"""The checks of `neurosync doctor`."""
