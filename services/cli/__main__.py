"""Run the command: `python -m services.cli`, the same as `neurosync`."""

from services.cli.app import app

if __name__ == "__main__":
    app()
