"""Text as it is spoken: sentences and normalisation; pure."""
