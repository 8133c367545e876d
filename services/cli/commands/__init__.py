"""The subcommands of `neurosync`, one module each."""
