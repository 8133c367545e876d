"""Messages of a sender that are accepted or refused; errors name the field."""

from __future__ import annotations

import math
import uuid

import pytest

from neurosync.v1 import media_pb2 as media
from neurosync.v1 import player_pb2 as pb
from services.common.errors import BadRequestError
from services.player.stream.parts import EndPart, FramesPart
from services.player.stream.validation import PartValidator, config_of
from tests.player.perform_messages import audio, config, emotion, frames, header


def test_a_config_without_a_subject_is_for_the_default_character() -> None:
    assert config_of(config(), "Ada").character == "Ada"
    assert config_of(config(subject="Bob"), "Ada").character == "Bob"


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (config(turn_id="7"), "config.turn_id"),
        (config(turn_id="{" + "0" * 34 + "}"), "config.turn_id"),
        (config(subject="é" * 33), "config.subject"),
        (config(subject="a\nb"), "config.subject"),
        (config(policy=9), "config.policy"),
        (config(format=media.AudioFormat(sample_rate_hertz=7_999)), "config.format.sample_rate_hertz"),
        (config(format=media.AudioFormat(sample_rate_hertz=-1)), "config.format.sample_rate_hertz"),
        (pb.PerformConfig(turn_id=str(uuid.uuid4())), "config.format.sample_rate_hertz"),
    ],
)
def test_a_wrong_config_names_its_field(message: pb.PerformConfig, field: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        config_of(message, "Ada")
    assert caught.value.field == field


END = pb.PerformRequest(end=pb.PerformEnd())


BAD: list[tuple[list[pb.PerformRequest], str]] = [
    ([pb.PerformRequest()], "part"),
    ([pb.PerformRequest(config=config())], "config"),
    ([audio(0, b"123")], "audio.pcm"),
    ([audio(0, bytes((1 << 21) + 2))], "audio.pcm"),
    ([audio(1, b"12")], "audio.first_sample"),
    ([audio(0, b"1234"), audio(1, b"12")], "audio.first_sample"),
    ([audio(0, b"1234"), audio(3, b"12")], "audio.first_sample"),
    ([audio(-1, b"12")], "audio.first_sample"),
    ([frames(0, 1, 0.5)], "frames"),
    ([header(), header()], "frame_header"),
    ([header("Nose", "Ear")], "frame_header.curve_names"),
    ([header("JawOpen", "jawopen")], "frame_header.curve_names"),
    ([header("JawOpen", *(str(number) for number in range(600)))], "frame_header.curve_names"),
    ([header(rate=0)], "frame_header.frame_rate_hertz"),
    ([header(rate=241)], "frame_header.frame_rate_hertz"),
    ([header(), frames(0, 2, 0.5)], "frames.weights"),
    ([header(), frames(0, -1, 0.5)], "frames.frame_count"),
    ([header(), frames(0, 1, math.nan)], "frames.weights"),
    ([header(), frames(0, 1, math.inf)], "frames.weights"),
    ([header(), frames(-1, 1, 0.5)], "frames.first_frame"),
    ([header(), frames(1 << 62, 1, 0.5)], "frames.first_frame"),
    ([header(), frames(5, 1, 0.5), frames(5, 1, 0.5)], "frames.first_frame"),
    ([emotion(-1, media.EMOTION_SAD, 0.5)], "emotion.at_sample"),
    ([emotion(0, 0, 0.5)], "emotion.weights.emotion"),
    ([emotion(0, 99, 0.5)], "emotion.weights.emotion"),
    ([emotion(0, media.EMOTION_SAD, math.nan)], "emotion.weights.weight"),
    ([emotion(0, media.EMOTION_SAD, 1.5)], "emotion.weights.weight"),
    ([END, audio(0, b"12")], "audio"),
]


@pytest.mark.parametrize(("messages", "field"), BAD)
def test_a_wrong_message_names_its_field(messages: list[pb.PerformRequest], field: str) -> None:
    validator = PartValidator()
    with pytest.raises(BadRequestError) as caught:
        for message in messages:
            list(validator.parts(message))
    assert caught.value.field == field


def test_frames_may_start_late_and_skip() -> None:
    validator = PartValidator()
    messages = (header(), frames(3, 1, 0.5), frames(9, 2, 0.5, 0.6), emotion(0, media.EMOTION_HAPPY, 1.0), END)
    parts = [part for message in messages for part in validator.parts(message)]
    assert [part.first for part in parts if isinstance(part, FramesPart)] == [3, 9]
    assert isinstance(parts[-1], EndPart)
