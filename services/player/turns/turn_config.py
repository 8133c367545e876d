"""The configuration of one turn, as its sender asked for it."""

from __future__ import annotations

from dataclasses import dataclass

from neurosync.v1 import player_pb2 as pb


@dataclass(frozen=True)
class TurnConfig:
    """Who speaks, at which rate, and what happens to other turns of the same character."""

    turn_id: str
    character: str
    sample_rate: int
    """Hz of the turn's sound."""
    policy: pb.BusyPolicy.ValueType
    """What happens while the character is speaking; never unspecified."""
    voice_only: bool = False
    """True if no frames come: the turn starts without waiting for them."""
