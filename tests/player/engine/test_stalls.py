"""What is heard when the player's thread does not get to run for a while."""

from __future__ import annotations

import numpy as np

from neurosync.v1 import outcome_pb2
from services.player.engine.performer import LEAD_SECONDS
from tests.player.simulation import RATE, SimulatedOutput, Stage


def test_a_stall_as_long_as_the_lead_repeats_no_old_sound() -> None:
    stage = Stage(output=SimulatedOutput(margin=528))
    sound = (np.arange(3 * RATE) % 20_011 - 10_000).astype(np.int16)  # no value comes again within a second
    sender = stage.begin(voice_only=True, max_ahead=4.0)
    sender.turn.push_sound(sound, stage.now)
    sender.turn.close(outcome_pb2.REASON_UNSPECIFIED)
    stage.run(1.5)
    lead = round(LEAD_SECONDS * RATE)
    for late in range(0, 1056, 96):  # up to beyond what was rendered ahead
        stage.output.take(lead - 100 + late // 2)
        stage.look()
        stage.run(0.03)
    heard = stage.heard()
    begin = int(np.flatnonzero(heard)[0])
    played = heard[begin : begin + 2 * RATE]
    wrong = np.flatnonzero(played != sound[: len(played)])
    assert not len(wrong) or not played[wrong].any(), "what could not be rendered in time is silence"
