"""Formats of sound, faces and recordings; pure, without sockets or clocks."""
