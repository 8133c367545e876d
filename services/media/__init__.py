"""Sound, face frames, Live Link datagrams and recordings: formats and arithmetic, without sockets or clocks."""
