"""The shipped model's metrics on an installed voice: curves, closures, degraded audio, and rest without speech."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from services.face.lipsync.lip_model import LipModel
from services.face.lipsync.log_mel import SAMPLE_RATE
from training.face.corpus.non_speech import KINDS
from training.face.corpus.voices import Spoken

if find_spec("soxr") is None:
    pytest.skip("soxr is not installed (extra: tts)", allow_module_level=True)

from training.face.evaluation import metrics

TEXTS = (
    "Maybe Bob and Emma will push the big piano over the bridge.",
    "I think we should bring back five apples before breakfast.",
    "Please wait by the river while I photograph the empty village.",
    "Nobody knows how to wrap a huge balloon properly.",
    "What happened to my blue umbrella? It was under the table.",
    "Both Sophie and Felix have to move the bathroom mirror.",
)


@pytest.fixture(scope="module")
def sentences() -> list[Spoken]:
    if find_spec("hibari") is None:
        pytest.skip("hibari-tts is not installed (extra: tts)")
    from training.face.corpus.voices import Hibari

    voice, rng = Hibari(), np.random.default_rng(1)
    spoken = [voice.speak(text, rng) for text in TEXTS]  # six speakers
    return [sentence for sentence in spoken if sentence is not None]


@pytest.fixture(scope="module")
def clean(model: LipModel, sentences: list[Spoken]) -> dict[str, float]:
    return metrics.correlations(model, sentences)


def test_the_curves_are_those_of_the_pose_table(clean: dict[str, float]) -> None:
    assert clean["mean"] > 0.65
    assert clean["JawOpen"] > 0.82
    assert clean["MouthClose"] > 0.6


@pytest.mark.parametrize("condition", [name for name in metrics.CONDITIONS if name != "clean"])
def test_degraded_audio_costs_little(
    model: LipModel, sentences: list[Spoken], clean: dict[str, float], condition: str
) -> None:
    degraded = metrics.correlations(model, sentences, metrics.CONDITIONS[condition])
    assert degraded["mean"] > clean["mean"] - 0.12
    assert degraded["JawOpen"] > clean["JawOpen"] - 0.05


def test_more_look_ahead_is_better(sentences: list[Spoken], clean: dict[str, float]) -> None:
    short = metrics.correlations(LipModel(look_ahead=50), sentences)
    assert short["mean"] < clean["mean"]
    assert short["JawOpen"] > 0.75


def test_lips_close_at_most_of_p_b_m(model: LipModel, sentences: list[Spoken]) -> None:
    found = metrics.closures(model, sentences)
    assert found["count"] > 30
    assert found["hits"] > 0.85
    assert found["hits"] > found["chance"] + 0.3
    assert found["precision"] > found["chance"]


@pytest.mark.parametrize("kind", ["steady noise", "breath", "music", "clatter", "tones"])
def test_without_speech_the_jaw_stays_shut_nearly_always(model: LipModel, kind: str) -> None:
    rng = np.random.default_rng(21)
    sounds = [KINDS[kind][0](8 * SAMPLE_RATE, rng) for _ in range(4)]
    jaws = np.concatenate([metrics.animate(model, metrics.pcm_of(sound), SAMPLE_RATE)[30:, 17] for sound in sounds])
    assert jaws.mean() < 0.01
    assert np.percentile(jaws, 99) < 0.05


def test_a_breath_opens_the_mouth_only_without_the_voicing_gate() -> None:
    rng = np.random.default_rng(5)
    sounds = [KINDS["breath"][0](8 * SAMPLE_RATE, rng) for _ in range(8)]
    held, free = (
        max(metrics.animate(LipModel(voicing=v), metrics.pcm_of(x), SAMPLE_RATE)[30:, 17].max() for x in sounds)
        for v in (True, False)
    )
    assert held < 0.05
    assert held < 0.6 * free
