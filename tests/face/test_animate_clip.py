"""AnimateClip over a real connection, with the real model."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import grpc
import numpy as np
import pytest
import soundfile

from neurosync.v1 import face_pb2, media_pb2
from services.common.types import Pcm
from services.media.curves import INDEX
from tests.face.animate_calls import END, RATE, chunks, config, frames_of, refusal, styled, syllables, talk

if TYPE_CHECKING:
    from tests.face.animate_calls import Stub


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
async def test_recordings_of_usual_formats_move_the_mouth(stub: Stub, kind: str) -> None:
    file = io.BytesIO()
    stereo = np.stack([syllables(1.5, 44_100)] * 2, axis=1)
    soundfile.write(file, stereo, 44_100, format=kind)
    answers = [
        answer async for answer in stub.AnimateClip(face_pb2.AnimateClipRequest(file=file.getvalue()), timeout=20)
    ]
    assert [answers[0].WhichOneof("event"), answers[-1].WhichOneof("event")] == ["header", "finished"]
    frames = frames_of(answers)
    assert 90 <= len(frames) <= 95  # MP3 pads its ends
    assert frames[:, INDEX["JawOpen"]].max() > 0.04


async def test_a_clip_gives_the_frames_of_the_same_sound_streamed(stub: Stub) -> None:
    pcm = syllables(2.5)
    request = face_pb2.AnimateClipRequest(pcm=pcm.tobytes(), format=media_pb2.AudioFormat(sample_rate_hertz=RATE))
    clip = frames_of([answer async for answer in stub.AnimateClip(request, timeout=20)])
    np.testing.assert_allclose(clip, frames_of(await talk(stub, config(), *chunks(pcm), END)), atol=1e-4)


def file_of(pcm: Pcm, rate: int, kind: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, pcm, rate, format=kind)
    return file.getvalue()


WRONG_CLIPS = {
    "nothing": (face_pb2.AnimateClipRequest(), "clip: expected file or pcm, got None"),
    "noise": (
        face_pb2.AnimateClipRequest(file=b"\x01\x02" * 500),
        "file: expected a WAV, FLAC, OGG or MP3 file, got .*",
    ),
    "empty": (face_pb2.AnimateClipRequest(file=b""), "file: expected 1 to 4194304 bytes, got '0 bytes'"),
    "no sound": (face_pb2.AnimateClipRequest(file=file_of(syllables(0), RATE)), "file: expected more than 0 .*"),
    "too long": (
        face_pb2.AnimateClipRequest(file=file_of(np.zeros(8000 * 601, np.int16), 8000, "FLAC")),
        r"file: expected .* at most 600 s of sound \(longer goes through Animate\), got '601.0 s'",
    ),
    "slow file": (
        face_pb2.AnimateClipRequest(file=file_of(syllables(0.1), 4000)),
        "file: expected 8000 to 192000 Hz, got 4000",
    ),
    "half a sample": (
        face_pb2.AnimateClipRequest(pcm=b"abc", format=media_pb2.AudioFormat(sample_rate_hertz=RATE)),
        "pcm: expected an even number of bytes .*, got '3 bytes'",
    ),
    "style": (face_pb2.AnimateClipRequest(style=styled(head=-1)), "style.head: expected 0 to 3, got -1.0"),
    "no rate": (face_pb2.AnimateClipRequest(pcm=b"ab"), "format.sample_rate_hertz: expected 8000 to 192000 Hz, got 0"),
    "model": (
        face_pb2.AnimateClipRequest(pcm=b"ab", model="unknown"),
        "model: expected empty or one of: lipsync, got 'unknown'",
    ),
}


@pytest.mark.parametrize("name", WRONG_CLIPS)
async def test_a_wrong_clip_is_an_invalid_argument_with_the_reason(stub: Stub, name: str) -> None:
    request, reason = WRONG_CLIPS[name]
    error = await refusal(stub.AnimateClip(request, timeout=20))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(ValueError, match=reason):
        raise ValueError(error.details())


async def test_a_file_cut_off_in_the_middle_is_animated_or_refused(stub: Stub) -> None:
    cut = file_of(syllables(3), RATE, "FLAC")[:20_000]
    try:
        answers = [answer async for answer in stub.AnimateClip(face_pb2.AnimateClipRequest(file=cut), timeout=20)]
        assert answers[-1].finished.frame_count == len(frames_of(answers)) > 0
    except grpc.aio.AioRpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
