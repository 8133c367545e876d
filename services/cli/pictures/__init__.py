"""Pictures of takes."""
