"""The language model service: prompts, providers of replies, and sentences ready to be synthesized."""
