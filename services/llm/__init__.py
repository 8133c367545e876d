"""Words: prompts, language models, sentences ready to be spoken."""
