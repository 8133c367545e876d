"""What the player says about itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurosync.v1 import player_pb2 as pb
from services.common.wire import duration, emotion_weights
from services.player.audio.portaudio import Device
from services.player.engine.engine import Engine
from services.player.face_configuration import message_of


def status_of(engine: Engine, now: float) -> pb.GetStatusResponse:
    """Return the state of one venue of the player at monotonic time `now`; called on its thread."""
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
                subject=subject.name,
                turn_id=subject.speaking,
                epoch=subject.epoch,
                queued_turn_count=sum(not turn.track.segments for turn in subject.turns),
                config=message_of(subject.face.character),
                emotions=emotion_weights(subject.face.feelings),
            )
            for subject in performer.subjects.values()
        ],
        sinks=[
            pb.SinkStatus(address=sink.address, sent_count=sink.sent_count, failed_count=sink.failed_count)
            for sink in engine.outgoing.sinks
        ],
    )


def joined(
    venues: Sequence[pb.GetStatusResponse], named: Sequence[Sequence[str]], first: Sequence[str]
) -> pb.GetStatusResponse:
    """Return the state of the whole player.

    Args:
        venues: The state of each venue, the main one first; all have the same sinks.
        named: Whom the settings send to each venue by name.
        first: Subjects to be listed before others, in this order.
    """
    subjects = {subject.subject: subject for venue in venues for subject in venue.subjects}
    return pb.GetStatusResponse(
        output=venues[0].output,
        clock=venues[0].clock,
        subjects=[subjects[name] for name in dict.fromkeys((*first, *subjects)) if name in subjects],
        sinks=[
            pb.SinkStatus(
                address=sinks[0].address,
                sent_count=sum(sink.sent_count for sink in sinks),
                failed_count=sum(sink.failed_count for sink in sinks),
            )
            for sinks in zip(*(venue.sinks for venue in venues), strict=True)
        ],
        subject_outputs=[
            pb.SubjectOutputStatus(subjects=names, output=venue.output, clock=venue.clock)
            for venue, names in zip(venues[1:], named[1:], strict=True)
        ],
    )


def device_message(device: Device) -> pb.AudioDevice:
    """Return a sound device as a message."""
    return pb.AudioDevice(
        index=device.index,
        name=device.name,
        default_sample_rate_hertz=device.default_sample_rate,
        channel_count=device.channel_count,
        default=device.default,
    )
