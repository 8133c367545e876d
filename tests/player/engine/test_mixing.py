"""Several voices on one output."""

from __future__ import annotations

import numpy as np

from services.player.engine.mixing import limited
from tests.player.simulation import NAME, RATE, Stage, constant


def test_characters_speak_at_the_same_time_and_are_mixed() -> None:
    stage = Stage()
    for subject, level in ((NAME, 1000), ("Bob", 500), ("Cyd", 32_000)):
        sender = stage.begin(character=subject, voice_only=True)
        sender.turn.push_sound(constant(RATE // 4, level), stage.now)
    stage.run(0.1)
    assert 0.9 * 32_767 < stage.heard().max() < 32_767  # bent, neither cut off nor wrapped around
    assert {sent.shown.character for sent in stage.sent} == {NAME, "Bob", "Cyd"}
    assert stage.heard().min() == 0


def test_voices_that_fit_together_are_added_and_a_single_loud_one_is_left_alone() -> None:
    stage = Stage()
    for subject, level in ((NAME, 12_000), ("Bob", 14_000)):
        stage.begin(character=subject, voice_only=True).turn.push_sound(constant(RATE // 4, level), stage.now)
    stage.run(0.5)
    assert stage.heard().max() == 26_000
    alone = Stage()
    alone.begin(voice_only=True).turn.push_sound(constant(RATE // 4, 32_767), alone.now)
    alone.run(0.1)
    assert alone.heard().max() == 32_767


def test_a_mix_that_is_too_loud_keeps_its_order_and_its_sign() -> None:
    loud = limited(np.linspace(-90_000, 90_000, 9_001, dtype=np.float32))
    assert np.abs(loud).max() <= 32_767
    steps = np.diff(loud)
    assert (steps >= 0).all()
    assert steps.max() <= 20.01  # the slope never exceeds one: nothing is bent back, and no edge is made
    assert np.array_equal(loud, -loud[::-1])
