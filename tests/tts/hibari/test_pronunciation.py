"""The phonemes of a sentence, against hibari's own."""

from __future__ import annotations

from services.tts.hibari import acoustic_model as model
from services.tts.hibari.pronunciation import pronounce


def test_pronunciation_in_parts_gives_the_phonemes_that_the_voice_gives() -> None:
    from hibari.g2p import G2P

    g2p, symbols = G2P(), model.AcousticModel().symbols
    for text in ("Hello, Dr. Smith!", "It's (really) 7:30 pm on Jan. 5, isn't it?", '"Yes" he said; "no..." she said.'):
        assert pronounce(g2p, text, (), symbols).phonemes == g2p(text)
