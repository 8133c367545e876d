"""Where a player's sound and face go, as lines for people."""

from __future__ import annotations

from neurosync.v1 import player_pb2
from services.common.wire import seconds_of


def output_lines(status: player_pb2.GetStatusResponse) -> list[str]:
    """Return a line for each sound output of a player, and one for its face."""
    return [
        f"sound: {_output_text(status.output)}",
        *(
            f"sound of {', '.join(further.subjects)}: {_output_text(further.output)}"
            for further in status.subject_outputs
        ),
        f"face: Live Link to {', '.join(sink.address for sink in status.sinks) or 'nobody'}",
    ]


def _output_text(output: player_pb2.AudioOutputStatus) -> str:
    if output.kind == "device":
        return f"{output.device}, {1000 * seconds_of(output.latency):.0f} ms latency"
    if output.kind == "file":
        return f"into {output.device}, so nothing will be heard"
    return f"none, so nothing will be heard ({output.message or output.kind})"
