"""Where face frames are sent: Live Link over UDP."""
