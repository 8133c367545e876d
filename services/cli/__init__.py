"""The `neurosync` command."""
