"""Target curves from timed phones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.face.targets.phones import PHONES, Segment
from training.face.targets.poses import CHANNELS, DIPHTHONGS, DOMINANCE, POSES
from training.face.targets.rules import REFERENCE, TRAINING, Rule
from training.face.targets.target_curves import phones_of, target_curves

JAW, CLOSE, PUCKER = (CHANNELS.index(name) for name in ("JawOpen", "MouthClose", "MouthPucker"))
SMILE, STRETCH = CHANNELS.index("MouthSmile"), CHANNELS.index("MouthStretch")


def curves(*phones: str, each: float = 0.12, rule: Rule = REFERENCE) -> np.ndarray:
    """Return the curves of sounds of equal length, with silence around them."""
    names = ["SIL", *phones, "SIL"]
    segments = [Segment(name, i * each, (i + 1) * each, 1) for i, name in enumerate(names)]
    sound = np.full(round(len(names) * each * 16_000), 0.1, np.float32)
    return target_curves(segments, sound, 16_000, round(len(names) * each * 60), rule)


def at(index: int, each: float = 0.12) -> int:
    """Return the frame in the middle of sound `index` (the silence before is 0)."""
    return round((index + 0.5) * each * 60)


def test_every_phone_has_a_pose_and_a_dominance() -> None:
    for phone in PHONES:
        halves = [phone + "1", phone + "2"] if phone in DIPHTHONGS else [phone]
        assert all(half in POSES and half in DOMINANCE for half in halves)


def test_lips_close_for_m_between_open_vowels() -> None:
    given = curves("AA", "M", "AA")
    assert given[at(2), CLOSE] > 0.12
    assert given[at(1), CLOSE] < 0.04
    assert given[at(1), JAW] > 2 * given[at(2), JAW] > 0.1


def test_lips_round_before_a_rounded_vowel() -> None:
    assert curves("T", "UW")[at(1), PUCKER] > curves("T", "IY")[at(1), PUCKER] + 0.1


def test_the_mouth_rests_in_silence_and_stays_legal() -> None:
    given = curves("SH", "AW", "B", "IY", each=0.2)
    assert given[0].max() < 0.01
    assert given.min() >= 0
    assert given.max() <= 1


def test_targets_of_lips_come_earlier_and_those_of_the_jaw_do_not() -> None:
    training, plain = (
        curves("AA", "M", "UW", "AA", rule=replace(REFERENCE, lead=lead)) for lead in (TRAINING.lead, {})
    )
    np.testing.assert_array_equal(training[:, JAW], plain[:, JAW])
    np.testing.assert_allclose(training[:-1, PUCKER], plain[1:, PUCKER], atol=1e-6)
    np.testing.assert_allclose(training[:-1, CLOSE], (plain[1:, CLOSE] + plain[:-1, CLOSE]) / 2, atol=1e-6)


def test_a_close_vowel_smiles_and_an_open_one_stretches() -> None:
    training = curves("IY", "AE", each=0.2, rule=TRAINING)
    close, opened = training[at(1, 0.2)], training[at(2, 0.2)]
    assert close[SMILE] > 2 * close[STRETCH] > 0.1
    assert opened[STRETCH] > 2 * opened[SMILE] > 0.1


@pytest.mark.parametrize("rounding", ["UW", "W"])
def test_lips_that_protrude_draw_the_corners_in(rounding: str) -> None:
    training, reference = (curves("IY", rounding, "IY", rule=rule) for rule in (TRAINING, REFERENCE))
    assert training[at(2), SMILE] < 0.02
    assert training[at(2), SMILE] < reference[at(2), SMILE]


def test_the_jaw_opens_with_the_syllable_and_rests_at_the_teeth() -> None:
    training, reference = (
        curves("S", "IY", "T", "AA", "S", each=0.2, rule=rule)[:, JAW] for rule in (TRAINING, REFERENCE)
    )
    close, opened, teeth = training[at(2, 0.2)], training[at(4, 0.2)], training[[at(1, 0.2), at(3, 0.2), at(5, 0.2)]]
    assert teeth.max() < 0.06 < 0.14 < close < 0.5 * opened
    assert close > reference[at(2, 0.2)]


def test_stress_opens_the_jaw() -> None:
    sound = np.full(9600, 0.1, np.float32)
    strong, weak = (
        target_curves([Segment("T", 0, 0.2), Segment("EH", 0.2, 0.4, mark), Segment("T", 0.4, 0.6)], sound, 16_000, 36)
        for mark in (1, 0)
    )
    assert strong[18, JAW] > 1.4 * weak[18, JAW]


def test_phones_follow_time() -> None:
    segments = [Segment("SIL", 0, 0.1), Segment("AA", 0.1, 0.2)]
    assert [PHONES[i] for i in phones_of(segments, 12)] == ["SIL"] * 6 + ["AA"] * 6
