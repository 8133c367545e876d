"""Sinks, settings, and what is refused of a sender's messages."""

from __future__ import annotations

import math
import socket
import uuid
from collections.abc import Callable

import pytest

from neurosync.v1 import media_pb2 as media
from neurosync.v1 import player_pb2 as pb
from services.common.addresses import LIVE_LINK_PORT, parse_address
from services.common.errors import BadRequestError, ConfigurationError
from services.common.settings import load
from services.player.frame_outputs.registry import open_frame_outputs
from services.player.frame_outputs.udp_target import UdpTarget
from services.player.settings import PlayerSettings
from services.player.stream.parts import EndPart, FramesPart, SoundPart
from services.player.stream.play_request import play_request_parts
from services.player.stream.validation import PartValidator, config_of
from tests.player.simulation import constant


def receiver(port: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(2)
    sock.bind(("127.0.0.1", port))
    return sock


def test_a_sink_without_a_listener_counts_and_loses_nothing_once_there_is_one() -> None:
    with receiver() as probe:
        port = probe.getsockname()[1]
    sink = UdpTarget(f"127.0.0.1:{port}", default_port=LIVE_LINK_PORT)
    for number in range(5):
        sink.send(bytes([number]))
    assert sink.failed_count >= 3
    assert sink.sent_count == 5
    with receiver(port) as sock:
        for number in range(5, 10):
            sink.send(bytes([number]))
        assert [sock.recv(10)[0] for _ in range(5)] == [5, 6, 7, 8, 9]
    sink.close()


def test_a_datagram_that_cannot_be_sent_is_counted_and_stops_nothing() -> None:
    with receiver() as sock:
        sink = UdpTarget(f"127.0.0.1:{sock.getsockname()[1]}", default_port=LIVE_LINK_PORT)
        sink.send(bytes(100_000))  # more than UDP takes
        sink.send(b"x")
        assert sock.recv(10) == b"x"
        assert (sink.sent_count, sink.failed_count) == (1, 1)
        sink.close()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("10.0.0.5", ("10.0.0.5", 11111)),
        ("unreal:11112", ("unreal", 11112)),
        ("[::1]:11112", ("::1", 11112)),
        ("[::1]", ("::1", 11111)),
    ],
)
def test_targets_are_hosts_with_or_without_port(target: str, expected: tuple[str, int]) -> None:
    assert parse_address(target, field="targets", default_port=LIVE_LINK_PORT) == expected


@pytest.mark.parametrize("target", ["", ":11111", "host:", "host:0", "host:x", "host:70000"])
def test_a_target_that_is_none_is_a_wrong_setting(target: str) -> None:
    with pytest.raises(ConfigurationError, match="HOST or HOST:PORT"):
        open_frame_outputs(["127.0.0.1", target])


def test_targets_and_subjects_are_lists_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSYNC_PLAYER_TARGETS", "10.0.0.5, 10.0.0.6:11112")
    monkeypatch.setenv("NEUROSYNC_PLAYER_SUBJECTS", "Ada,Bob")
    settings = load(PlayerSettings)
    assert settings.targets == ("10.0.0.5", "10.0.0.6:11112")
    assert settings.subjects == ("Ada", "Bob")


def test_the_variable_that_users_already_have_names_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVELINK_UDP_IP", "192.168.1.20")
    assert load(PlayerSettings).targets == ("192.168.1.20",)


def test_outputs_are_a_json_object_of_names_and_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROSYNC_PLAYER_OUTPUTS", '{"Bob": "USB speakers, left", "Cyd": 3}')
    assert load(PlayerSettings).outputs == {"Bob": "USB speakers, left", "Cyd": "3"}
    monkeypatch.setenv("NEUROSYNC_PLAYER_OUTPUTS", "")
    assert load(PlayerSettings).outputs == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("targets", "10.0.0.5,,"),
        ("subjects", "x" * 65),
        ("subjects", "Ada,"),
        ("max_ahead", "0"),
        ("outputs", '{"Bob": }'),
        ("outputs", '["Bob"]'),
        ("outputs", '{"": "USB speakers"}'),
        ("outputs", '{"Bob ": "USB speakers"}'),
        ("outputs", '{"Bob": " "}'),
        ("outputs", '{"Bob": null}'),
        ("outputs", '{"Bob": "1", "Bob": "2"}'),
    ],
)
def test_wrong_settings_are_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"NEUROSYNC_PLAYER_{name.upper()}", value)
    with pytest.raises(ConfigurationError, match=f"(?i){name}"):
        load(PlayerSettings)


def config(**changes: object) -> pb.PerformConfig:
    message = pb.PerformConfig(turn_id=str(uuid.uuid4()), format=media.AudioFormat(sample_rate_hertz=24_000))
    message.MergeFrom(pb.PerformConfig(**changes))  # type: ignore[arg-type]
    return message


def test_a_config_without_subject_is_for_the_default_one() -> None:
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


def header(*names: str, rate: int = 60) -> pb.PerformRequest:
    return pb.PerformRequest(frame_header=media.FrameHeader(curve_names=names or ("JawOpen",), frame_rate_hertz=rate))


def audio(first: int, pcm: bytes) -> pb.PerformRequest:
    return pb.PerformRequest(audio=media.AudioChunk(first_sample=first, pcm=pcm))


def frames(first: int, count: int, *weights: float) -> pb.PerformRequest:
    return pb.PerformRequest(frames=media.FrameBatch(first_frame=first, frame_count=count, weights=weights))


def emotion(at: int, kind: int, weight: float) -> pb.PerformRequest:
    weights = [media.EmotionWeight(emotion=kind, weight=weight)]  # type: ignore[arg-type]
    return pb.PerformRequest(emotion=media.EmotionKey(at_sample=at, weights=weights))


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


def test_a_whole_performance_is_cut_into_slices_with_the_face_before_its_sound() -> None:
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
def test_a_wrong_whole_performance_is_refused_before_it_begins(
    change: Callable[[pb.PlayRequest], None], field: str
) -> None:
    request = pb.PlayRequest()
    change(request)
    with pytest.raises(BadRequestError) as caught:
        play_request_parts(request, 24_000, 0.1)
    assert caught.value.field == field
