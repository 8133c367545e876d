"""The RPC side of the player: validation of messages, Perform and WatchFrames."""
