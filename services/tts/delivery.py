"""Turns a provider's events into Synthesize responses: silence trimmed, one rate, even chunks, positions to match."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurosync.v1 import media_pb2, tts_pb2
from services.common.types import Pcm
from services.common.wire import audio_chunk
from services.media.resampling import Resampler
from services.text.spoken import Spoken
from services.tts.providers.speech_provider import SentencePause, SpeechAudio, SpeechEvent, SpeechTimings
from services.tts.trim import PhraseTrack

CHUNK_SECONDS = 0.08  # of audio in a message; longer: fewer messages, shorter: a slow provider's audio leaves sooner
FIRST_CHUNK_SECONDS = 0.02  # the first may be this short, so that it leaves at once


class Delivery:
    """The responses of one call, from the first audio on."""

    def __init__(self, header: tts_pb2.SpeechHeader, text: str, spoken: Spoken, rate_in: int) -> None:
        """Deliver the speech of one provider.

        Args:
            header: The response before the first audio; its rate is that of the audio to send.
            text: The original text, to which the positions of words refer.
            spoken: The part of it that is spoken.
            rate_in: Rate of the provider's audio, Hz.
        """
        self._header = header
        self._text = text
        self._spoken = spoken
        self._rate_in, self._rate_out = rate_in, header.format.sample_rate_hertz
        self._track = PhraseTrack(rate_in)
        self._resampler = Resampler(rate_in, self._rate_out)
        self._buffer = np.zeros(0, np.int16)
        self._timed: list[SpeechTimings] = []  # whose audio has not left the track yet
        self._ready: list[tts_pb2.SynthesizeResponse] = []  # timings that wait for the first audio
        self.sample_count = 0
        """Samples sent so far."""
        self.pause_count = 0
        """Samples of the closing pause."""

    def push(self, event: SpeechEvent) -> Iterator[tts_pb2.SynthesizeResponse]:
        """Yield the responses that follow from an event."""
        if isinstance(event, SpeechAudio):
            yield from self._send(self._resampler.push(self._track.push(event.pcm)))
        elif isinstance(event, SpeechTimings):
            self._timed.append(event)
        elif isinstance(event, SentencePause):
            yield from self._end_phrase()
            yield from self._send(self._resampler.push(self._track.next_phrase(event.seconds)))
        yield from self._timings(self._track.final_until)

    def end(self, pause_seconds: float) -> Iterator[tts_pb2.SynthesizeResponse]:
        """Yield the rest: the last audio, its times, and a pause."""
        yield from self._end_phrase()
        if not self._track.length:
            return  # all of it was silence
        self.pause_count = round(pause_seconds * self._rate_out)
        rest = np.concatenate([self._resampler.end(), np.zeros(self.pause_count, np.int16)])
        yield from self._send(rest, final=True)
        yield from self._timings(None)

    def _end_phrase(self) -> Iterator[tts_pb2.SynthesizeResponse]:
        yield from self._send(self._resampler.push(self._track.end_phrase()))
        yield from self._timings(None)

    def _send(self, pcm: Pcm, *, final: bool = False) -> Iterator[tts_pb2.SynthesizeResponse]:
        """Yield full chunks; a rest that fills none waits for more."""
        self._buffer = np.concatenate([self._buffer, pcm])
        size = round(CHUNK_SECONDS * self._rate_out)
        while len(self._buffer):
            first = self.sample_count == 0
            least = 1 if final else round(FIRST_CHUNK_SECONDS * self._rate_out) if first else size
            if len(self._buffer) < least:
                return
            if first:
                yield tts_pb2.SynthesizeResponse(header=self._header)
            chunk, self._buffer = self._buffer[:size], self._buffer[size:]
            yield tts_pb2.SynthesizeResponse(audio=audio_chunk(self.sample_count, chunk))
            self.sample_count += len(chunk)

    def _timings(self, final_until: int | None) -> Iterator[tts_pb2.SynthesizeResponse]:
        """Yield the timings whose audio has left the track, up to the provider's sample `final_until`; None: all."""
        while self._timed and (final_until is None or _end(self._timed[0]) <= final_until):
            self._ready.append(tts_pb2.SynthesizeResponse(timings=self._message(self._timed.pop(0))))
        if self.sample_count:
            yield from self._ready
            self._ready.clear()

    def _message(self, timed: SpeechTimings) -> media_pb2.Timings:
        message = media_pb2.Timings()
        for word in timed.words:
            start, end = self._spoken.words[word.index].origin_start, self._spoken.words[word.index].origin_end
            message.words.add(
                word=self._text[start:end],
                start_char=start,
                end_char=end,
                start_sample=self._place(word.start),
                end_sample=self._place(word.end),
                estimated=word.estimated,
            )
        for phoneme in timed.phonemes:
            message.phonemes.add(
                phoneme=phoneme.symbol, start_sample=self._place(phoneme.start), end_sample=self._place(phoneme.end)
            )
        return message

    def _place(self, sample: int) -> int:
        """Return the position of a provider's sample in the audio that is sent; rounded once, so nothing drifts."""
        return (self._track.place(sample) * self._rate_out + self._rate_in // 2) // self._rate_in


def _end(timed: SpeechTimings) -> int:
    """Return the provider's sample at which the last word and phoneme have ended."""
    words, phonemes = [word.end for word in timed.words], [phoneme.end for phoneme in timed.phonemes]
    return max(words + phonemes, default=0)
