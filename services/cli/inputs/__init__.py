"""What a person hands to a command: sound files, jobs, style options."""
