"""Random emotions, configurations and turns: every value that is sent is finite and legal."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.media.curves import CURVE_NAMES, LOWEST
from services.player.face.composition import FaceConfiguration
from services.player.face.emotion_layer import RAMP_SECONDS, STRENGTHS, EmotionSettings
from services.player.face.life.idle import LifeSettings
from services.player.face.scaling import FACTORS, GAINS, OFFSETS, THRESHOLDS, Scaling
from tests.player.engine.test_properties import Crowd, actions, which
from tests.player.simulation import NAME, SimulatedOutput, Stage

factors = st.floats(*FACTORS)
curves = st.sampled_from(CURVE_NAMES)
switch = st.booleans()
face_configurations = st.builds(
    FaceConfiguration,
    st.builds(
        Scaling, switch, factors, factors, factors, factors, factors, factors, factors, st.floats(*THRESHOLDS),
        st.dictionaries(curves, st.floats(*GAINS), max_size=8),
        st.dictionaries(curves, st.floats(*OFFSETS), max_size=8),
    ),
    st.builds(LifeSettings, switch, switch, switch, switch, switch, switch, switch, switch),
    st.builds(EmotionSettings, switch, st.floats(*STRENGTHS), st.floats(*RAMP_SECONDS), st.floats(*RAMP_SECONDS)),
)  # fmt: skip
strengths = st.lists(st.floats(0, 1, width=32), min_size=7, max_size=7)
emotions = st.tuples(st.just("emotions"), which, st.integers(0, 200_000), strengths, switch)
configurations = st.tuples(st.just("configure"), face_configurations)


class EmotionalCrowd(Crowd):
    """Senders of emotions, and a client that configures the faces all the time."""

    def emotions(self, number: int, at: int, weights: list[float], explicit: bool) -> None:
        sender = self.sender(number)
        if sender:
            sender.turn.push_emotions(at, None, np.array(weights, np.float32), explicit=explicit)

    def configure(self, configuration: FaceConfiguration) -> None:
        self.stage.performer.configure(NAME, lambda _: configuration, reset=False)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(actions | emotions | configurations, max_size=30), latency=st.integers(0, 4800))
def test_no_sequence_of_events_makes_an_illegal_value(steps: list[tuple[str, object]], latency: int) -> None:
    stage = Stage(SimulatedOutput(latency=latency))
    crowd = EmotionalCrowd(stage)
    for kind, *values in steps:
        crowd.act(kind, *values)
        stage.run(0.05)
    stage.run(0.3)
    shapes = np.array([sent.shown.values for sent in stage.sent])
    assert shapes.dtype == np.float32
    assert np.isfinite(shapes).all()
    assert (shapes >= LOWEST).all()
    assert (shapes <= 1).all()
    ticks = [sent.shown.tick for sent in stage.sent]
    assert ticks == list(range(ticks[0], ticks[0] + len(ticks)))
