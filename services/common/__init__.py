"""What every service shares: errors, settings, and the checks between messages and values; imports no service."""
