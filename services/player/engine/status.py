"""The player's state as a `GetStatus` message."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurosync.v1 import player_pb2 as pb
from services.common.wire import duration, emotion_weights
from services.player.audio.portaudio_library import DeviceInfo
from services.player.engine.engine import Engine
from services.player.face_configuration import configuration_message


def status_of(engine: Engine, now: float) -> pb.GetStatusResponse:
    """Return the state of one sound output at monotonic time `now`; called on its thread."""
    output, performer = engine.output, engine.performer
    ear = output.sample_at(now)
    median, late = np.percentile(engine.lateness, (50, 99)) if engine.lateness else (0.0, 0.0)
    return pb.GetStatusResponse(
        output=pb.AudioOutputStatus(
            kind=output.kind,
            device=output.name,
            sample_rate_hertz=output.sample_rate,
            latency=duration(max(0, output.update(now) - 1 - ear) / output.sample_rate),
            underrun_count=engine.underrun_count + output.underrun_count,
            lost_count=engine.lost_count,
            message=output.message,
        ),
        clock=pb.ClockStatus(
            heard_sample_count=max(0, min(ear, performer.audible)),
            tick_count=engine.tick_count,
            tick_skipped_count=engine.skipped_count,
            lateness_p50=duration(float(median)),
            lateness_p99=duration(float(late)),
            renderer_offset=duration(engine.renderer_offset),
        ),
        subjects=[
            pb.SubjectStatus(
                subject=character.name,
                turn_id=character.speaking,
                epoch=character.epoch,
                queued_turn_count=sum(not turn.track.segments for turn in character.turns),
                config=configuration_message(character.face.configuration),
                emotions=emotion_weights(character.face.emotions),
            )
            for character in performer.characters.values()
        ],
        sinks=[
            pb.SinkStatus(address=target.address, sent_count=target.sent_count, failed_count=target.failed_count)
            for target in engine.frame_sender.outputs
        ],
    )


def joined(
    statuses: Sequence[pb.GetStatusResponse], assigned: Sequence[Sequence[str]], first: Sequence[str]
) -> pb.GetStatusResponse:
    """Return the state of the whole player.

    Args:
        statuses: The state of each sound output, the main one first; all have the same targets.
        assigned: Characters that the settings assign to each output by name.
        first: Characters to be listed before others, in this order.
    """
    characters = {character.subject: character for status in statuses for character in status.subjects}
    return pb.GetStatusResponse(
        output=statuses[0].output,
        clock=statuses[0].clock,
        subjects=[characters[name] for name in dict.fromkeys((*first, *characters)) if name in characters],
        sinks=[
            pb.SinkStatus(
                address=targets[0].address,
                sent_count=sum(target.sent_count for target in targets),
                failed_count=sum(target.failed_count for target in targets),
            )
            for targets in zip(*(status.sinks for status in statuses), strict=True)
        ],
        subject_outputs=[
            pb.SubjectOutputStatus(subjects=names, output=status.output, clock=status.clock)
            for status, names in zip(statuses[1:], assigned[1:], strict=True)
        ],
    )


def device_message(device: DeviceInfo) -> pb.AudioDevice:
    """Return a sound device as a message."""
    return pb.AudioDevice(
        index=device.index,
        name=device.name,
        default_sample_rate_hertz=device.default_sample_rate,
        channel_count=device.channel_count,
        default=device.default,
    )
