"""Whatever senders do, in whatever order: every tick is sent, every value is legal, and no old turn shows up again."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosync.v1 import outcome_pb2
from neurosync.v1 import player_pb2 as pb
from services.common.errors import NeuroSyncError
from services.media.curves import CURVE_NAMES, LOWEST, columns
from tests.player.simulation import NAME, RATE, Sender, SimulatedOutput, Stage

ALL = columns(CURVE_NAMES)
COMPLETED = outcome_pb2.REASON_UNSPECIFIED
ABANDONED = outcome_pb2.REASON_SENDER_LOST

which = st.integers(0, 3)
actions = st.one_of(
    st.tuples(st.just("begin"), st.sampled_from([8_000, 22_050, 24_000, 48_000]), st.integers(1, 3), st.booleans()),
    st.tuples(st.just("sound"), which, st.integers(1, 12_000), st.integers(-32_768, 32_767)),
    st.tuples(st.just("header"), which, st.sampled_from([24, 30, 60, 120])),
    st.tuples(
        st.just("frames"), which, st.integers(0, 90), st.integers(1, 40), st.floats(-(2.0**100), 2.0**100, width=32)
    ),
    st.tuples(st.just("close"), which, st.sampled_from([COMPLETED, ABANDONED])),
    st.tuples(st.just("stop"), which, st.sampled_from([0.0, 0.015, 1.0])),
    st.tuples(st.just("silence"), st.sampled_from([0.0, 0.015])),
    st.tuples(st.just("pause"), st.integers(1, 40)),
    st.tuples(st.just("lose"), st.integers(1, 60)),
    st.tuples(st.just("prepare")),
    st.tuples(st.just("run"), st.integers(1, 40)),
    st.tuples(st.just("run"), st.integers(1, 40)),
)


class Crowd:
    """Senders that keep to the grants, and to nothing else."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.senders: list[Sender] = []
        self.lost_count = 0

    def act(self, kind: str, *values: object) -> None:
        getattr(self, kind)(*values)

    def begin(self, rate: int, policy: pb.BusyPolicy.ValueType, voice_only: bool) -> None:
        try:
            self.senders.append(self.stage.begin(rate=rate, policy=policy, voice_only=voice_only))
        except NeuroSyncError:
            assert policy == pb.BUSY_POLICY_REFUSE or len(self.stage.performer.turns()) > self.stage.max_queued

    def sender(self, number: int) -> Sender | None:
        return self.senders[-1 - number] if number < len(self.senders) else None

    def sound(self, number: int, count: int, level: int) -> None:
        sender = self.sender(number)
        if sender and sender.turn.track.received + count <= sender.turn.granted:
            sender.turn.push_sound(np.full(count, level, np.int16), self.stage.now)

    def header(self, number: int, rate: int) -> None:
        sender = self.sender(number)
        if sender and sender.turn.frames is None:
            sender.turn.open_frames(ALL, rate)

    def frames(self, number: int, skipped: int, count: int, value: float) -> None:
        sender = self.sender(number)
        if sender and sender.turn.frames is not None:
            frames = np.full((count, 61), value, np.float32)
            sender.turn.push_frames(sender.turn.frames.end + skipped, frames, self.stage.now)

    def close(self, number: int, reason: outcome_pb2.Reason.ValueType) -> None:
        sender = self.sender(number)
        if sender:
            sender.turn.close(reason)

    def stop(self, number: int, fade: float) -> None:
        sender = self.sender(number)
        if sender:
            self.stage.performer.stop_turn(sender.turn.config.turn_id, fade)

    def silence(self, fade: float) -> None:
        self.stage.performer.stop_everything(fade)

    def pause(self, blocks: int) -> None:
        """Let time go on while the device takes nothing."""
        begin = self.stage.now
        for block in range(1, blocks + 1):
            self.stage.engine.step(begin + block / 100)
        self.stage.output.paused += blocks / 100

    def lose(self, blocks: int) -> None:
        """Let the device vanish and come back."""
        self.lost_count += 1
        self.stage.lose_device(blocks)

    def prepare(self) -> None:
        self.stage.engine.prepare(self.stage.now)

    def run(self, blocks: int) -> None:
        self.stage.run(blocks / 100, block=RATE // 100)


def check_turn(sender: Sender, *, device_was_lost: bool) -> None:
    kinds = [type(event) for event in sender.events]
    assert kinds.count(pb.PerformFinished) == 1
    assert kinds[-1] is pb.PerformFinished
    assert kinds.count(pb.PerformStarted) <= 1
    positions = [event.heard_sample_count for event in sender.events if isinstance(event, pb.PerformPosition)]
    assert positions == sorted(positions)
    finished = sender.finished
    assert max(positions, default=0) <= finished.heard_sample_count <= sender.turn.track.received
    if finished.reason in (COMPLETED, ABANDONED) and not device_was_lost:
        assert finished.heard_sample_count == sender.turn.track.received
        lost = finished.reason == ABANDONED
        assert finished.outcome == (outcome_pb2.TURN_OUTCOME_FAILED if lost else outcome_pb2.TURN_OUTCOME_COMPLETED)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(actions, max_size=40), latency=st.integers(0, 9600), margin=st.integers(0, 2400))
def test_no_sequence_of_events_disturbs_the_face(steps: list[tuple[str, object]], latency: int, margin: int) -> None:
    stage = Stage(SimulatedOutput(latency=latency, margin=margin))
    crowd = Crowd(stage)
    for kind, *values in steps:
        crowd.act(kind, *values)
        stage.look()
    for sender in crowd.senders:
        sender.turn.close(ABANDONED)
    for _ in range(200):
        if not stage.performer.turns():
            break
        stage.run(0.5)
    stage.run(0.5)
    for sender in crowd.senders:
        check_turn(sender, device_was_lost=crowd.lost_count > 0)
    assert stage.engine.lost_count == crowd.lost_count
    shapes = np.array([sent.shown.values for sent in stage.sent])
    assert np.isfinite(shapes).all()
    assert (shapes >= LOWEST).all()
    assert (shapes <= 1).all()
    ticks = [sent.shown.tick for sent in stage.sent]
    assert ticks == list(range(ticks[0], ticks[0] + len(ticks)))
    epochs = {sender.turn.config.turn_id: sender.turn.epoch for sender in crowd.senders}
    shown = [epochs[sent.shown.turn_id] for sent in stage.sent if sent.shown.turn_id]
    assert shown == sorted(shown)
    assert {sent.shown.character for sent in stage.sent} == {NAME}
    assert stage.sent[-1].shown.turn_id == ""
