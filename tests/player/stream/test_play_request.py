"""A whole turn in one message, cut into parts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from neurosync.v1 import player_pb2 as pb
from services.common.errors import BadRequestError
from services.player.stream.parts import EndPart, FramesPart, SoundPart
from services.player.stream.play_request import play_request_parts
from tests.player.perform_messages import frames, header
from tests.player.simulation import constant


def test_a_whole_turn_is_cut_into_slices_with_the_face_before_its_sound() -> None:
    request = pb.PlayRequest(pcm=constant(5_000).tobytes())
    request.frame_header.CopyFrom(header().frame_header)
    request.frames.CopyFrom(frames(0, 15, *[0.5] * 15).frames)
    parts = list(play_request_parts(request, 24_000, 0.1))
    kinds = [(type(part), part.first) for part in parts if isinstance(part, SoundPart | FramesPart)]
    assert kinds == [
        (FramesPart, 0),
        (SoundPart, 0),
        (FramesPart, 6),
        (SoundPart, 2_400),
        (FramesPart, 12),
        (SoundPart, 4_800),
    ]
    assert isinstance(parts[-1], EndPart)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda request: setattr(request, "pcm", b"123"), "request.pcm"),
        (lambda request: request.frames.CopyFrom(frames(0, 1, 0.5).frames), "frames"),
        (lambda request: request.emotions.add(at_sample=-1), "emotions.at_sample"),
    ],
)
def test_a_wrong_whole_turn_is_refused_before_it_begins(change: Callable[[pb.PlayRequest], None], field: str) -> None:
    request = pb.PlayRequest()
    change(request)
    with pytest.raises(BadRequestError) as caught:
        play_request_parts(request, 24_000, 0.1)
    assert caught.value.field == field
