"""The four stages of a turn: words, voice, face and player."""
