"""What can be set for a face: by RPC while it lives, and by settings at the start."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from neurosync.v1 import media_pb2 as media
from neurosync.v1 import player_pb2 as pb
from services.common.errors import BadRequestError, ConfigurationError
from services.common.settings import load
from services.common.wire import duration
from services.media.curves import CURVE_COUNT, INDEX
from services.media.formats.frame_files import write_frames
from services.media.frames import Frames
from services.player.face.composition import FaceConfiguration
from services.player.face_configuration import (
    configuration_change,
    configuration_from_settings,
    configuration_message,
    recordings_from_settings,
)
from services.player.settings import PlayerSettings
from tests.player.served_player import END, HEADER, Unreal, config, frames, player, sound

JAW, SMILE = INDEX["JawOpen"], INDEX["MouthSmileLeft"]
STILL = pb.LifeConfig(enabled=False)


def scaling_config(**scaling: Any) -> pb.SubjectConfig:
    return pb.SubjectConfig(scaling=pb.ScalingConfig(**scaling))


def emotion_config(**emotion: Any) -> pb.SubjectConfig:
    return pb.SubjectConfig(emotion=pb.EmotionConfig(**emotion))


BAD: list[tuple[pb.SubjectConfig, str]] = [
    (scaling_config(mouth=-0.1), "config.scaling.mouth"),
    (scaling_config(eyes=4.1), "config.scaling.eyes"),
    (scaling_config(brows=math.nan), "config.scaling.brows"),
    (scaling_config(eye_wide_left=math.inf), "config.scaling.eye_wide_left"),
    (scaling_config(eye_squint_right=-math.inf), "config.scaling.eye_squint_right"),
    (scaling_config(threshold=1.5), "config.scaling.threshold"),
    (scaling_config(curves=[pb.CurveScaling(curve="Nose", gain=1)]), "config.scaling.curves[0].curve"),
    (
        scaling_config(curves=[pb.CurveScaling(curve="JawOpen"), pb.CurveScaling(curve="jawopen")]),
        "config.scaling.curves[1].curve",
    ),
    (scaling_config(curves=[pb.CurveScaling(curve="JawOpen", gain=5)]), "config.scaling.curves[0].gain"),
    (scaling_config(curves=[pb.CurveScaling(curve="JawOpen", offset=-1.5)]), "config.scaling.curves[0].offset"),
    (emotion_config(strength=2.5), "config.emotion.strength"),
    (emotion_config(attack=duration(0)), "config.emotion.attack"),
    (emotion_config(release=duration(11)), "config.emotion.release"),
]


@pytest.mark.parametrize(("message", "field"), BAD)
def test_a_wrong_value_names_its_field(message: pb.SubjectConfig, field: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        configuration_change(message)
    assert caught.value.field == field


def test_what_is_set_is_returned_and_what_is_absent_stays() -> None:
    first = configuration_change(
        pb.SubjectConfig(
            scaling=pb.ScalingConfig(mouth=1.5, curves=[pb.CurveScaling(curve="jawopen", gain=2, offset=0.25)]),
            life=pb.LifeConfig(blinks=False, listening=True),
            emotion=pb.EmotionConfig(strength=0.5, attack=duration(0.2)),
        )
    )(FaceConfiguration())
    second = configuration_change(scaling_config(brows=0.5, curves=[pb.CurveScaling(curve="HeadYaw", gain=-1)]))(first)
    explicit = configuration_message(second)
    assert (explicit.scaling.mouth, explicit.scaling.brows, explicit.scaling.eyes) == (1.5, 0.5, 1)
    assert [(curve.curve, curve.gain, curve.offset) for curve in explicit.scaling.curves] == [
        ("JawOpen", 2, 0.25),
        ("HeadYaw", -1, 0),
    ]
    assert (explicit.life.enabled, explicit.life.blinks, explicit.life.gaze, explicit.life.listening) == (
        True,
        False,
        True,
        True,
    )
    assert (explicit.emotion.strength, explicit.emotion.attack, explicit.emotion.release) == (
        0.5,
        duration(0.2),
        duration(1.2),
    )
    assert configuration_message(configuration_change(explicit)(FaceConfiguration())) == explicit


async def test_a_face_is_configured_while_it_lives(unreal: Unreal) -> None:
    async with player(unreal) as (stub, _):
        whole = pb.SubjectConfig(
            scaling=pb.ScalingConfig(mouth=0.5), life=STILL, emotion=pb.EmotionConfig(attack=duration(0.05))
        )
        answer = await stub.ConfigureSubject(pb.ConfigureSubjectRequest(config=whole))
        assert answer.config.scaling.mouth == 0.5
        (subject,) = (await stub.GetStatus(pb.GetStatusRequest())).subjects
        assert subject.config == answer.config
        happy = media.EmotionKey(weights=[media.EmotionWeight(emotion=media.EMOTION_HAPPY, weight=1)])
        requests = [config(), HEADER, pb.PerformRequest(emotion=happy)]
        for number in range(10):
            requests += [frames(6 * number, np.full(6, 0.8)), sound(2400 * number)]
        shown: list[dict[str, Any]] = []
        emotions: list[media.EmotionWeight] = []
        async for event in stub.Perform(iter([*requests, END])):
            shown += await unreal.packets(3)
            if event.HasField("position"):
                emotions += (await stub.GetStatus(pb.GetStatusRequest())).subjects[0].emotions
        jaws = np.array([packet["values"][JAW] for packet in shown])
        assert jaws.max() == pytest.approx(0.4, abs=0.02)  # the configuration may still ease in
        assert max(packet["values"][SMILE] for packet in shown) > 0.1
        assert {weight.emotion for weight in emotions} == {media.EMOTION_HAPPY}
        again = await stub.ConfigureSubject(pb.ConfigureSubjectRequest(reset=True))
        assert again.config == configuration_message(configuration_from_settings(load(PlayerSettings)))


async def test_a_guest_is_configured_before_its_first_turn_and_has_its_own(unreal: Unreal) -> None:
    async with player(unreal, subjects="Ada,Bob", max_subjects=3) as (stub, _):
        await stub.ConfigureSubject(pb.ConfigureSubjectRequest(subject="Cleo", config=scaling_config(mouth=0.25)))
        explicit = {item.subject: item.config for item in (await stub.GetStatus(pb.GetStatusRequest())).subjects}
        assert {name: item.scaling.mouth for name, item in explicit.items()} == {"Ada": 1, "Bob": 1, "Cleo": 0.25}


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.ConfigureSubjectRequest(subject="x" * 65), "subject"),
        (pb.ConfigureSubjectRequest(config=scaling_config(mouth=9)), "config.scaling.mouth"),
    ],
)
async def test_a_wrong_request_changes_nothing(
    unreal: Unreal, request_: pb.ConfigureSubjectRequest, field: str
) -> None:
    async with player(unreal) as (stub, _):
        before = await stub.GetStatus(pb.GetStatusRequest())
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ConfigureSubject(request_)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert (caught.value.details() or "").startswith(f"{field}: expected ")
        after = await stub.GetStatus(pb.GetStatusRequest())
        assert [item.config for item in after.subjects] == [item.config for item in before.subjects]


def test_settings_make_a_face_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "MOUTH": "1.25", "BROWS": "0.6", "EYE_WIDE": "0.4", "THRESHOLD": "0.05", "GAINS": "JawOpen=1.2, HeadYaw=-1",
        "OFFSETS": "BrowInnerUp=0.05", "BLINKS": "false", "EMOTION_STRENGTH": "0.5", "EMOTION_ATTACK": "0.1",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"NEUROSYNC_PLAYER_{name}", value)
    configuration = configuration_from_settings(load(PlayerSettings))
    assert (configuration.scaling.mouth, configuration.scaling.brows, configuration.scaling.threshold) == (
        1.25,
        0.6,
        0.05,
    )
    assert (configuration.scaling.eye_wide_left, configuration.scaling.eye_wide_right) == (0.4, 0.4)
    assert configuration.scaling.gains == {"JawOpen": 1.2, "HeadYaw": -1}
    assert configuration.scaling.offsets == {"BrowInnerUp": 0.05}
    assert not configuration.life.blinks
    assert configuration.life.gaze
    assert (configuration.emotion.strength, configuration.emotion.attack) == (0.5, 0.1)


def test_without_settings_a_face_is_sent_as_it_is_made() -> None:
    assert configuration_from_settings(load(PlayerSettings)) == FaceConfiguration()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("gains", "Nose=1", "ARKit curves"),
        ("gains", "JawOpen=5", "-4 to 4"),
        ("gains", "JawOpen", "NAME=VALUE"),
        ("gains", "JawOpen=nan", "-4 to 4"),
        ("offsets", "JawOpen=2", "-1 to 1"),
        ("mouth", "5", "less than or equal to 4"),
        ("emotion_attack", "0", "greater than or equal to 0.05"),
        ("emotion_recordings", "Bored=bored.csv", "Angry, Disgusted"),
    ],
)
def test_wrong_settings_name_what_is_wanted(
    name: str, value: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"NEUROSYNC_PLAYER_{name.upper()}", value)
    with pytest.raises(ConfigurationError, match=f"(?s){name}.*{reason}"):
        load(PlayerSettings)


def test_recordings_are_read_by_the_emotion_they_are_of(tmp_path: Path) -> None:
    rows = np.zeros((90, CURVE_COUNT), np.float32)
    for name in ("idle.npz", "happy.csv"):
        write_frames(tmp_path / name, Frames(rows))
    settings = load(
        PlayerSettings, idle_recording=tmp_path / "idle.npz", emotion_recordings=f"Happy={tmp_path / 'happy.csv'}"
    )
    recordings = recordings_from_settings(settings)
    assert recordings.idle is not None
    assert list(recordings.emotions) == ["Happy"]
    assert recordings_from_settings(load(PlayerSettings)).idle is None


async def test_a_player_with_a_recording_that_cannot_be_read_does_not_start(unreal: Unreal, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"emotion_recordings\.Sad: .*sad\.csv"):
        async with player(unreal, emotion_recordings=f"Sad={tmp_path / 'sad.csv'}"):
            pass
