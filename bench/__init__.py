"""Measurements on this machine: `python -m bench`; each prints ratios that were measured side by side in one run."""
