"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Character = Annotated[
    str,
    typer.Option(
        "--character", "--subject", metavar="NAME", help="Who performs, by Live Link name. Default: the player's first."
    ),
]
Voice = Annotated[str, typer.Option(metavar="NAME", help="Voice, as the speech service names it. Default: its own.")]
RecordTake = Annotated[
    bool, typer.Option("--take", help="Record the sound, the frames and a page that plays them, in a folder of takes/.")
]
TakeFolder = Annotated[
    Path | None, typer.Option("--take-dir", metavar="DIR", help="The same, in this folder, which must not exist yet.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object at the end instead of text.")]
StartServices = Annotated[
    bool, typer.Option("--start/--no-start", help="Start the services for this command if none are running.")
]
StartPlayer = Annotated[
    bool, typer.Option("--start/--no-start", help="Start a player for this command if none is running.")
]
StartFace = Annotated[
    bool, typer.Option("--start/--no-start", help="Start a face service for this command if none is running.")
]
Force = Annotated[bool, typer.Option("--force", "-f", help="Replace files that exist.")]
