"""Inputs of commands: the sounds of a command line, and face styles."""
