"""The face measured: both models beside the usual ways, and the service with many streams."""
