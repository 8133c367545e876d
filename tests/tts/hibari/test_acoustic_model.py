"""The network and the vocoder of the embedded voice, against hibari's own."""

from __future__ import annotations

import numpy as np

from services.tts.hibari import acoustic_model as model


def test_the_vocoder_in_pieces_is_the_vocoder_of_hibari() -> None:
    from hibari import dsp

    voice = model.AcousticModel()
    made = voice.predict("həlˈO ðˈɛɹ, hˌW ɑɹ ju dˈuɪŋ tədˈA, ænd wˌʌt ɪz ðə nˈuz?", 1.0)
    level_, phase, noise, free, free_phase = made.parts
    made = model.AcousticPrediction(
        (level_, phase, np.full_like(noise, -40), free, free_phase), made.pitch, made.durations
    )
    whole = dsp.synth(*made.parts, made.pitch, np.random.default_rng(0))
    pieces = np.concatenate(list(model.vocode(made, 0, made.frame_count)))
    assert len(pieces) == len(whole) == made.frame_count * model.HOP
    assert np.abs(pieces[900:-900] - whole[900:-900]).max() < 1e-4, "at both ends the windows do not overlap fully"
    part = np.concatenate(list(model.vocode(made, 40, 100)))
    assert np.abs(part[900:-900] - whole[40 * 300 + 900 : 100 * 300 - 900]).max() < 1e-4


def test_the_durations_of_the_network_add_up_to_its_sound() -> None:
    voice = model.AcousticModel()
    for speed in (0.5, 1.0, 1.37, 2.0):
        made = voice.predict("ðɪs ɪz ɐ sˈɛntᵊns.", speed)
        assert made.durations is not None
        assert len(made.durations) == len("ðɪs ɪz ɐ sˈɛntᵊns.") + 2
        assert int(made.durations.sum()) * model.FRAMES_PER_UNIT == made.frame_count
