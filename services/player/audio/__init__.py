"""Sound output: the device, its callback, the ring buffer it plays from, and reconnecting to a lost device."""
