"""Conversion of face configurations: from settings, and from and to messages, validated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, Final

from neurosync.v1 import player_pb2 as pb
from services.common.errors import BadRequestError
from services.common.wire import duration, seconds_of
from services.media.curves import CURVE_NAMES
from services.player.face.composition import FaceConfiguration, Recordings
from services.player.face.emotion_layer import RAMP_SECONDS, STRENGTHS, EmotionSettings
from services.player.face.life.idle import LifeSettings
from services.player.face.life.recorded_loop import read_loop
from services.player.face.scaling import FACTORS, GAINS, OFFSETS, THRESHOLDS, Scaling
from services.player.settings import PlayerSettings

REGION_FACTORS: Final = (
    "mouth", "eyes", "brows", "eye_wide_left", "eye_wide_right", "eye_squint_left", "eye_squint_right",
)  # fmt: skip
"""Fields of `Scaling` that are factors of regions."""
_LIFE_FIELDS: Final = tuple(field.name for field in fields(LifeSettings))
_NAMES: Final = {name.lower(): name for name in CURVE_NAMES}


def configuration_change(
    config: pb.SubjectConfig, field: str = "config"
) -> Callable[[FaceConfiguration], FaceConfiguration]:
    """Return the function that applies a message to a configuration; fields that it lacks stay as they are.

    Raises:
        BadRequestError: A value is wrong.
    """
    scaling = _scaling_changes(config.scaling, f"{field}.scaling")
    gains, offsets = _curve_changes(config.scaling, f"{field}.scaling.curves")
    life = {name: getattr(config.life, name) for name in _LIFE_FIELDS if config.life.HasField(name)}  # type: ignore[arg-type]
    emotion = _emotion_changes(config.emotion, f"{field}.emotion")

    def change(configuration: FaceConfiguration) -> FaceConfiguration:
        old = configuration.scaling
        new = replace(old, gains={**old.gains, **gains}, offsets={**old.offsets, **offsets}, **scaling)
        return FaceConfiguration(new, replace(configuration.life, **life), replace(configuration.emotion, **emotion))

    return change


def _scaling_changes(config: pb.ScalingConfig, field: str) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if config.HasField("enabled"):
        changes["enabled"] = config.enabled
    for name in REGION_FACTORS:
        if config.HasField(name):
            changes[name] = _within(getattr(config, name), FACTORS, f"{field}.{name}")
    if config.HasField("threshold"):
        changes["threshold"] = _within(config.threshold, THRESHOLDS, f"{field}.threshold")
    return changes


def _curve_changes(config: pb.ScalingConfig, field: str) -> tuple[dict[str, float], dict[str, float]]:
    """Return gains and offsets by the name of their curve."""
    gains: dict[str, float] = {}
    offsets: dict[str, float] = {}
    seen: set[str] = set()
    for index, curve in enumerate(config.curves):
        where = f"{field}[{index}]"
        name = _NAMES.get(curve.curve.lower(), "")
        if not name or name in seen:
            raise BadRequestError(f"{where}.curve", curve.curve, "an ARKit curve, such as JawOpen, each once")
        seen.add(name)
        if curve.HasField("gain"):
            gains[name] = _within(curve.gain, GAINS, f"{where}.gain")
        if curve.HasField("offset"):
            offsets[name] = _within(curve.offset, OFFSETS, f"{where}.offset")
    return gains, offsets


def _emotion_changes(config: pb.EmotionConfig, field: str) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if config.HasField("enabled"):
        changes["enabled"] = config.enabled
    if config.HasField("strength"):
        changes["strength"] = _within(config.strength, STRENGTHS, f"{field}.strength")
    if config.HasField("attack"):
        changes["attack"] = _within(seconds_of(config.attack), RAMP_SECONDS, f"{field}.attack", " s")
    if config.HasField("release"):
        changes["release"] = _within(seconds_of(config.release), RAMP_SECONDS, f"{field}.release", " s")
    return changes


def _within(value: float, limits: tuple[float, float], field: str, unit: str = "") -> float:
    """Return a value that lies within its limits, ends included; NaN does not."""
    if not limits[0] <= value <= limits[1]:
        raise BadRequestError(field, f"{value:g}{unit}", f"{limits[0]:g} to {limits[1]:g}{unit}")
    return value


def configuration_message(configuration: FaceConfiguration) -> pb.SubjectConfig:
    """Return a configuration as a message, with all fields."""
    scaling, emotion = configuration.scaling, configuration.emotion
    curves = [
        pb.CurveScaling(curve=name, gain=scaling.gains.get(name, 1.0), offset=scaling.offsets.get(name, 0.0))
        for name in CURVE_NAMES
        if scaling.gains.get(name, 1.0) != 1 or scaling.offsets.get(name, 0.0)
    ]
    factors: dict[str, Any] = {name: getattr(scaling, name) for name in REGION_FACTORS}
    return pb.SubjectConfig(
        scaling=pb.ScalingConfig(enabled=scaling.enabled, threshold=scaling.threshold, curves=curves, **factors),
        life=pb.LifeConfig(**{name: getattr(configuration.life, name) for name in _LIFE_FIELDS}),
        emotion=pb.EmotionConfig(
            enabled=emotion.enabled,
            strength=emotion.strength,
            attack=duration(emotion.attack),
            release=duration(emotion.release),
        ),
    )


def configuration_from_settings(settings: PlayerSettings) -> FaceConfiguration:
    """Return the configuration with which every face starts."""
    return FaceConfiguration(
        Scaling(
            enabled=settings.scaling,
            mouth=settings.mouth,
            eyes=settings.eyes,
            brows=settings.brows,
            eye_wide_left=settings.eye_wide,
            eye_wide_right=settings.eye_wide,
            eye_squint_left=settings.eye_squint,
            eye_squint_right=settings.eye_squint,
            threshold=settings.threshold,
            gains=settings.gains,
            offsets=settings.offsets,
        ),
        LifeSettings(
            enabled=settings.life,
            blinks=settings.blinks,
            gaze=settings.gaze,
            head=settings.head,
            breath=settings.breath,
            expression=settings.expression,
            prosody=settings.prosody,
        ),
        EmotionSettings(
            settings.emotions, settings.emotion_strength, settings.emotion_attack, settings.emotion_release
        ),
    )


def recordings_from_settings(settings: PlayerSettings) -> Recordings:
    """Read the recordings that the settings name.

    Raises:
        ConfigurationError: One of them cannot be read.
    """
    idle = read_loop(settings.idle_recording, "idle_recording") if settings.idle_recording else None
    emotions = {
        name: read_loop(path, f"emotion_recordings.{name}") for name, path in settings.emotion_recordings.items()
    }
    return Recordings(idle, emotions)
