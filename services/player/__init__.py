"""The player: plays turns on a sound device, and sends face frames on its clock."""
