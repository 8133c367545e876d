"""Wrong requests by service: the RPC with what is wrong, the messages, and the field that the error must name."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import soundfile
from google.protobuf.duration_pb2 import Duration

from neurosync.v1 import face_pb2, llm_pb2, media_pb2, player_pb2, tts_pb2
from tests.abuse.valid_calls import CHUNK, FORMAT, config

BAD_TEXTS = {"empty": "", "blank": " \n", "NUL": "Hi\0", "too long": "a" * 100_001}
TOO_MUCH = "a" * 10_000_000  # beyond what gRPC receives
NAN, INFINITE = math.nan, math.inf
LOW, HIGH = -(1 << 63), (1 << 63) - 1
HAPPY = media_pb2.EMOTION_HAPPY
Case = tuple[str, list[Any], str]


def generate(**fields: Any) -> llm_pb2.GenerateRequest:
    return llm_pb2.GenerateRequest(**({"prompt": "Hi."} | fields))


def synthesize(**fields: Any) -> tts_pb2.SynthesizeRequest:
    return tts_pb2.SynthesizeRequest(**({"text": "Hi."} | fields))


def configure(subject: str = "", **fields: Any) -> player_pb2.ConfigureSubjectRequest:
    return player_pb2.ConfigureSubjectRequest(subject=subject, config=player_pb2.SubjectConfig(**fields))


def past(**fields: Any) -> list[llm_pb2.Exchange]:
    return [llm_pb2.Exchange(user_text="a"), llm_pb2.Exchange(**fields)]


def audio(kind: Any, first: int = 0, pcm: bytes = b"\0\0" * CHUNK) -> Any:
    return kind(audio=media_pb2.AudioChunk(first_sample=first, pcm=pcm))


def key(*weights: tuple[int, float], at: int = 0) -> media_pb2.EmotionKey:
    parts = [media_pb2.EmotionWeight(emotion=emotion, weight=weight) for emotion, weight in weights]  # type: ignore[arg-type]
    return media_pb2.EmotionKey(at_sample=at, weights=parts)


def batch(first: int = 0, count: int = 1, weights: Any = (0.5,)) -> media_pb2.FrameBatch:
    return media_pb2.FrameBatch(first_frame=first, frame_count=count, weights=weights)


def header(names: Any = ("JawOpen",), rate: int = 60) -> media_pb2.FrameHeader:
    return media_pb2.FrameHeader(curve_names=names, frame_rate_hertz=rate)


def pause(seconds: int, nanos: int = 0) -> Duration:
    return Duration(seconds=seconds, nanos=nanos)


def recording(*, channels: int = 1, rate: int = 24_000, kind: str = "WAV", seconds: float = 0.1) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros((round(seconds * rate), channels), np.float32), rate, format=kind)
    return file.getvalue()


A, P = face_pb2.AnimateRequest, player_pb2.PerformRequest
A_CONFIG = A(config=face_pb2.AnimateConfig(format=FORMAT))
P_END, A_END = P(end=player_pb2.PerformEnd()), A(end=face_pb2.AnimateEnd())


def animate_from(start: int, first: int = 0, rate: int = 24_000) -> face_pb2.AnimateRequest:
    form = media_pb2.AudioFormat(sample_rate_hertz=rate)
    return A(config=face_pb2.AnimateConfig(format=form, start_sample=start, first_audio_sample=first))


def animate_as(**style: Any) -> face_pb2.AnimateRequest:
    return A(config=face_pb2.AnimateConfig(format=FORMAT, style=face_pb2.FaceStyle(**style)))


def perform(*parts: Any, **fields: Any) -> list[Any]:
    return [P(config=config(**fields)), *parts]


def play(**fields: Any) -> player_pb2.PlayRequest:
    changes = fields.pop("config", {})
    values: dict[str, Any] = {"config": config(**changes), "pcm": b"\0\0" * 240}
    return player_pb2.PlayRequest(**(values | fields))


WORDS: list[Case] = [
    *((f"Generate prompt {why}", [generate(prompt=text)], "prompt") for why, text in BAD_TEXTS.items()),
    ("Generate system_prompt", [generate(system_prompt="a\0")], "system_prompt"),
    ("Generate long system_prompt", [generate(system_prompt="a" * 100_001)], "system_prompt"),
    ("Generate prompt beyond the context", [generate(prompt="word " * 19_000)], "prompt"),
    ("Generate history", [generate(history=past(user_text="\0"))], "history[1].user_text"),
    ("Generate long history", [generate(history=past(assistant_text="a" * 100_001))], "history[1].assistant_text"),
    ("Generate model", [generate(model="x\0" * 1_000_000)], "model"),
    *(("Generate tokens", [generate(max_output_token_count=n)], "max_output_token_count") for n in (-1, 8_193)),
    *(("Generate heat", [generate(temperature=t)], "temperature") for t in (-0.1, 2.1, NAN, INFINITE, -INFINITE)),
]
VOICE: list[Case] = [
    ("Synthesize empty", [synthesize(text="")], "text"),
    ("Synthesize long", [synthesize(text="a" * 5_001)], "text"),
    *(("Synthesize control", [synthesize(text=f"a{char}")], "text") for char in "\0\x1b\x7f\x9b"),
    ("Synthesize before", [synthesize(previous_text="\0")], "previous_text"),
    ("Synthesize voice", [synthesize(voice="\0" * 1_000_000)], "voice"),
    *(
        ("Synthesize rate", [synthesize(sample_rate_hertz=r)], "sample_rate_hertz")
        for r in (-1, 7_999, 48_001, 1 << 30)
    ),
    *(("Synthesize speed", [synthesize(speed=s)], "speed") for s in (0.49, 2.1, -1, NAN, INFINITE, 1e-45)),
    *(("Synthesize pause", [synthesize(min_pause=p)], "min_pause") for p in (pause(-1), pause(3), pause(1 << 62))),
]
FACE: list[Case] = [
    ("Animate nothing", [], "part"),
    ("Animate empty", [A()], "part"),
    ("Animate sound first", [audio(A)], "part"),
    ("Animate end first", [A_END], "part"),
    ("Animate two configs", [A_CONFIG, A_CONFIG], "part"),
    ("Animate no part", [A_CONFIG, A()], "part"),
    *(("Animate rate", [animate_from(0, rate=r)], "config.format.sample_rate_hertz") for r in (0, -1, 7_999, 192_001)),
    *(("Animate start", [animate_from(s)], "config.start_sample") for s in (-400, 1, LOW, HIGH)),
    *(("Animate context", [animate_from(400, f)], "config.first_audio_sample") for f in (-1, 401, LOW, HIGH)),
    ("Animate long context", [animate_from(48_000, 0)], "config.first_audio_sample"),
    ("Animate model", [A(config=face_pb2.AnimateConfig(format=FORMAT, model="../x"))], "config.model"),
    *(("Animate jaw", [animate_as(jaw=j)], "config.style.jaw") for j in (NAN, INFINITE, -0.1, 3.1)),
    *(
        ("Animate smoothing", [animate_as(smoothing=p)], "config.style.smoothing")
        for p in (pause(-1), pause(0, 500_000_001), pause(1 << 62))
    ),
    ("Animate closure", [animate_as(closure=-1)], "config.style.closure"),
    ("Animate odd bytes", [A_CONFIG, audio(A, pcm=b"\0" * 3)], "audio.pcm"),
    ("Animate too much", [A_CONFIG, audio(A, pcm=b"\0" * ((1 << 21) + 2))], "audio.pcm"),
    *(
        ("Animate gap", [A_CONFIG, audio(A), audio(A, f)], "audio.first_sample")
        for f in (0, CHUNK - 1, CHUNK + 1, LOW, HIGH)
    ),
    *(
        ("Animate emotion", [A_CONFIG, A(emotion=key((HAPPY, w)))], "emotion.weights.weight")
        for w in (NAN, -1, 1.1, INFINITE)
    ),
    *(("Animate no emotion", [A_CONFIG, A(emotion=key((e, 1)))], "emotion.weights.emotion") for e in (0, 8, -1)),
    ("Animate emotions", [A_CONFIG, A(emotion=key(*[(HAPPY, 1)] * 8))], "emotion.weights"),
    ("Animate emotion before", [A_CONFIG, A(emotion=key(at=-1))], "emotion.at_sample"),
    ("AnimateClip nothing", [face_pb2.AnimateClipRequest()], "clip"),
    ("AnimateClip empty file", [face_pb2.AnimateClipRequest(file=b"")], "file"),
    ("AnimateClip no sound", [face_pb2.AnimateClipRequest(file=b"\0" * 100_000)], "file"),
    ("AnimateClip silence of no length", [face_pb2.AnimateClipRequest(file=recording(seconds=0))], "file"),
    ("AnimateClip rate of file", [face_pb2.AnimateClipRequest(file=recording(rate=4_000))], "file"),
    (
        "AnimateClip channels",
        [face_pb2.AnimateClipRequest(file=recording(kind="OGG", channels=255, rate=192_000))],
        "file",
    ),
    (
        "AnimateClip too long",
        [face_pb2.AnimateClipRequest(file=recording(kind="FLAC", rate=8_000, seconds=601))],
        "file",
    ),
    ("AnimateClip empty pcm", [face_pb2.AnimateClipRequest(pcm=b"", format=FORMAT)], "pcm"),
    ("AnimateClip odd", [face_pb2.AnimateClipRequest(pcm=b"\0" * 7, format=FORMAT)], "pcm"),
    ("AnimateClip rate", [face_pb2.AnimateClipRequest(pcm=b"\0\0")], "format.sample_rate_hertz"),
    ("AnimateClip model", [face_pb2.AnimateClipRequest(pcm=b"\0\0", format=FORMAT, model="x" * 3_000_000)], "model"),
]
PLAYER: list[Case] = [
    ("Perform nothing", [], "part"),
    ("Perform empty", [P()], "part"),
    ("Perform sound first", [audio(P)], "audio"),
    ("Perform frames first", [P(frames=batch())], "frames"),
    ("Perform two configs", perform(P(config=config())), "config"),
    ("Perform no part", perform(P()), "part"),
    ("Perform after the end", perform(audio(P), P_END, P_END), "end"),
    *(("Perform turn", perform(turn_id=i), "config.turn_id") for i in ("", "x" * 36, "\0" * 36, "é" * 2_000_000)),
    *(("Perform subject", perform(subject=s), "config.subject") for s in ("a\0", "\x1b", "x" * 65, "é" * 33, "\u202e")),
    *(
        ("Perform rate", perform(format=media_pb2.AudioFormat(sample_rate_hertz=r)), "config.format.sample_rate_hertz")
        for r in (0, -1, 192_001)
    ),
    *(("Perform policy", perform(policy=p), "config.policy") for p in (4, -1, 99)),
    ("Perform odd bytes", perform(audio(P, pcm=b"\0")), "audio.pcm"),
    ("Perform too much", perform(audio(P, pcm=b"\0" * ((1 << 21) + 2))), "audio.pcm"),
    *(
        ("Perform gap", perform(audio(P), audio(P, f)), "audio.first_sample")
        for f in (0, CHUNK - 1, CHUNK + 1, LOW, HIGH)
    ),
    ("Perform frames before the header", perform(P(frames=batch())), "frames"),
    ("Perform two headers", perform(P(frame_header=header()), P(frame_header=header())), "frame_header"),
    ("Perform strange curves", perform(P(frame_header=header(["Jaw\0Open"]))), "frame_header.curve_names"),
    ("Perform curves twice", perform(P(frame_header=header(["JawOpen", "jawopen"]))), "frame_header.curve_names"),
    ("Perform many curves", perform(P(frame_header=header([""] * 1_000_000))), "frame_header.curve_names"),
    *(
        ("Perform frame rate", perform(P(frame_header=header(rate=r))), "frame_header.frame_rate_hertz")
        for r in (0, -1, 241)
    ),
    *(
        ("Perform weights", perform(P(frame_header=header()), P(frames=batch(weights=[w]))), "frames.weights")
        for w in (NAN, INFINITE, -INFINITE)
    ),
    *(
        ("Perform counts", perform(P(frame_header=header()), P(frames=batch(count=c))), f"frames.{f}")
        for c, f in ((-1, "frame_count"), (0, "weights"), (2, "weights"), ((1 << 31) - 1, "weights"))
    ),
    *(
        ("Perform position", perform(P(frame_header=header()), P(frames=batch(first=f))), "frames.first_frame")
        for f in (-1, LOW, HIGH, 100_000)
    ),
    ("Perform overlap", perform(P(frame_header=header()), P(frames=batch()), P(frames=batch())), "frames.first_frame"),
    (
        "Perform a million frames",
        perform(P(frame_header=header(rate=240)), P(frames=batch(count=900_000, weights=[0.5] * 900_000))),
        "frames.first_frame",
    ),
    *(("Perform emotion", perform(P(emotion=key((HAPPY, w)))), "emotion.weights.weight") for w in (NAN, -1, 1.1)),
    *(("Perform no emotion", perform(P(emotion=key((e, 1)))), "emotion.weights.emotion") for e in (0, 8, -1)),
    ("Perform emotions", perform(P(emotion=key(*[(HAPPY, 1)] * 200_000))), "emotion.weights"),
    ("Perform emotion before", perform(P(emotion=key(at=LOW))), "emotion.at_sample"),
    ("Play nothing", [player_pb2.PlayRequest()], "config.turn_id"),
    ("Play odd bytes", [play(pcm=b"\0" * 9)], "request.pcm"),
    ("Play frames without header", [play(frames=batch())], "frames"),
    ("Play weights", [play(frame_header=header(), frames=batch(weights=[NAN]))], "frames.weights"),
    ("Play later frames", [play(frame_header=header(), frames=batch(first=HIGH))], "frames.first_frame"),
    ("Play emotions", [play(emotions=[key()] * 10_001)], "emotions"),
    ("Play emotion", [play(emotions=[key((HAPPY, NAN))])], "emotions.weights.weight"),
    *(("ConfigureSubject subject", [configure(subject=s)], "subject") for s in ("\0", "x" * 65)),
    *(
        ("ConfigureSubject factor", [configure(scaling=player_pb2.ScalingConfig(mouth=f))], "config.scaling.mouth")
        for f in (NAN, -0.1, 4.1, INFINITE)
    ),
    *(
        (
            "ConfigureSubject curve",
            [configure(scaling=player_pb2.ScalingConfig(curves=[c]))],
            f"config.scaling.curves[0].{f}",
        )
        for c, f in (
            (player_pb2.CurveScaling(curve="Nose"), "curve"),
            (player_pb2.CurveScaling(curve="JawOpen", gain=NAN), "gain"),
            (player_pb2.CurveScaling(curve="JawOpen", offset=-2), "offset"),
        )
    ),
    *(
        ("ConfigureSubject attack", [configure(emotion=player_pb2.EmotionConfig(attack=d))], "config.emotion.attack")
        for d in (Duration(), Duration(seconds=-1), Duration(seconds=1 << 40))
    ),
    ("Stop nothing", [player_pb2.StopRequest()], "target"),
    ("Stop not everything", [player_pb2.StopRequest(everything=False)], "everything"),
    *(("Stop turn", [player_pb2.StopRequest(turn_id=i)], "turn_id") for i in ("", "\0", "x" * 3_000_000)),
    *(("Stop subject", [player_pb2.StopRequest(subject=s)], "subject") for s in ("", "\0", "x" * 65)),
    *(
        ("Stop fade", [player_pb2.StopRequest(everything=True, fade=f)], "fade")
        for f in (pause(-1), pause(1, 1), pause(HIGH), pause(LOW))
    ),
    *(("WatchFrames subject", [player_pb2.WatchFramesRequest(subject=s)], "subject") for s in ("\0", "x" * 65)),
]
