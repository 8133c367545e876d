"""Takes: recorded turns as folders."""
