"""Random messages that decode, biased to the limits of every field, as from a careless or hostile client.

A case is a function of the RPC, the seed and its index, so that a failure can be reproduced by its name:

    python -m tests.abuse.fuzzer Perform 1 4711
"""

from __future__ import annotations

import math
import random
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

TEXTS: tuple[str, ...] = (
    *("", " ", "\0", "a\0b", "\x1b[2J", "\r\n\t", "\x7f\x9f", "a", "Hi.", "٣ ½ ﷽", "\u202eolleh", "e\u0301" * 40),
    *("😀" * 30, "\U0001f3f3\ufe0f\u200d\U0001f308", "\ufeff", "\ufffe", "%s%n{0}", "' OR 1=1", "../../etc/passwd"),
    *("NaN", "-1", "x" * 64, "x" * 65, "x" * 128, "x" * 129, "é" * 33, "1" * 400, "*" * 300, "`" * 300, "[" * 300),
    *("\n" * 300, "<a>" * 100, "...!?" * 60),
)
LONG: tuple[Callable[[], str], ...] = (
    lambda: "word " * 1_001,
    lambda: "\0" * 6_000,
    lambda: "a" * 100_001,
    lambda: "😀" * 100_001,
    lambda: " " * 100_000,
)
WHOLE: tuple[int, ...] = (0, 1, -1, 2, 3, 59, 60, 61, 240, 400, 8_000, 24_000, 48_000, 192_001, 1 << 24, -24_000)
PARTS: tuple[float, ...] = (
    0.0, -0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 2.0001, -0.5, -1.0, 1e-45, 3.4e38, -3.4e38, math.nan, math.inf, -math.inf,
)  # fmt: skip
BYTES: tuple[bytes, ...] = (
    *(b"", b"\0", b"\0\0", b"\xff\x7f\x00\x80", b"\0" * 3, b"\0" * 801, b"\x10\x27" * 480, b"RIFF"),
    *(b"RIFF\xff\xff\xff\xffWAVEfmt ", b"fLaC\0\0\0\x22", b"OggS" + b"\xff" * 60, b"ID3\4" + b"\xff" * 80),
    b"\xff\xfb\x90\x64" * 40,
)
_SPANS = {
    FieldDescriptor.CPPTYPE_INT32: (-(1 << 31), (1 << 31) - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(1 << 63), (1 << 63) - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, (1 << 32) - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, (1 << 64) - 1),
}
LIKELY: dict[str, Sequence[Any]] = {
    "sample_rate_hertz": (24_000, 24_000, 16_000, 48_000, 8_000, 191_999, 192_000, 7_999),
    "frame_rate_hertz": (60, 60, 30, 1, 240, 241),
    "curve_names": ("JawOpen", "MouthClose", "jawopen", "EyeBlinkLeft"),
    "subject": ("", "", "NeuroSync", "Mai"),
    "first_sample": (0,),
    "first_frame": (0,),
    "frame_count": (0, 1, 2),
    "pcm": (b"", b"\0\0" * 240, b"\x10\x27" * 480),
    "weights": (0.0, 0.5, 1.0),
    "fade": (Duration(), Duration(nanos=15_000_000), Duration(seconds=1)),
    "attack": (Duration(nanos=50_000_000), Duration(seconds=10)),
    "release": (Duration(nanos=50_000_000), Duration(seconds=10)),
    "curve": ("JawOpen", "HeadYaw"),
    **dict.fromkeys(("mouth", "eyes", "brows", "gain", "strength"), (0.0, 0.6, 1.0, 2.0)),
    **dict.fromkeys(("jaw", "cheeks", "tongue", "closure"), (0.0, 0.6, 3.0)),
    "smoothing": (Duration(), Duration(nanos=30_000_000)),
    **dict.fromkeys(("eye_wide_left", "eye_wide_right", "eye_squint_left", "eye_squint_right"), (0.0, 0.4, 4.0)),
    **dict.fromkeys(("threshold", "offset"), (0.0, 0.5, 1.0)),
    "start_sample": (0, 400, 24_000),
    "first_audio_sample": (0, 400),
    "model": ("",),
    "system_prompt": ("",),
    "policy": (0, 1, 2, 3),
}
"""Values, by field name, with which a message passes the first checks."""


class Fuzzer:
    """Makes the messages of one case."""

    def __init__(self, rng: random.Random, *, likely: float = 0.6) -> None:
        """Draw from `rng`; a field that has likely values gets one with the probability `likely`."""
        self.rng = rng
        self._likely = likely
        self._depth = 0

    def message(self, kind: type[Message], *, only: str | None = None) -> Any:
        """Return a message of a kind; `only` names the member of its first oneof, else one or none is drawn."""
        message = kind()
        descriptor: Any = kind.DESCRIPTOR
        chosen = set()
        for number, group in enumerate(descriptor.oneofs):
            names = [field.name for field in group.fields]
            chosen.add(only if only and not number else self.rng.choice([*names, *names, None]))
        for field in descriptor.fields:
            if field.containing_oneof is not None and field.name not in chosen:
                continue
            if field.containing_oneof is None and self.rng.random() < 0.15:
                continue
            self._fill(message, field)
        return message

    def _fill(self, message: Any, field: FieldDescriptor) -> None:
        if field.is_repeated and field.message_type and field.message_type.GetOptions().map_entry:
            entries = getattr(message, field.name)
            for _ in range(self.rng.choice([0, 1, 1, 2, 17])):
                key, value = field.message_type.fields
                entries[self._value(key)] = self._value(value)
        elif field.is_repeated:
            for _ in range(self._count(field)):
                if field.message_type:
                    getattr(message, field.name).append(self.message(GetMessageClass(field.message_type)))
                else:
                    getattr(message, field.name).append(self._value(field))
        elif field.message_type:
            part = getattr(message, field.name)
            likely = LIKELY.get(field.name)
            if likely and self.rng.random() < self._likely:
                part.CopyFrom(self.rng.choice(likely))
            elif isinstance(part, Duration):
                part.seconds, part.nanos = self.rng.choice(
                    [
                        (0, 0),
                        (0, 1),
                        (0, -1),
                        (2, 0),
                        (2, 1),
                        (-5, 0),
                        (1 << 40, 0),
                        (-(1 << 62), 5),
                        (0, 2_000_000_000),
                    ]
                )
            else:
                part.CopyFrom(self.message(type(part)))
                part.SetInParent()
        else:
            setattr(message, field.name, self._value(field))

    def _count(self, field: FieldDescriptor) -> int:
        """Return how many elements a repeated field gets."""
        plain = field.message_type is None
        return self.rng.choice([0, 1, 1, 2, 7, 8, 61 if plain else 3, 513 if plain and self.rng.random() < 0.1 else 1])

    def _value(self, field: FieldDescriptor) -> Any:
        rng = self.rng
        likely = LIKELY.get(field.name)
        if likely and rng.random() < self._likely:
            return rng.choice(likely)
        kind = field.cpp_type
        if kind in _SPANS:
            least, most = _SPANS[kind]
            value = rng.choice([*WHOLE, least, most, least + 1, most - 1, rng.randint(least, most)])
            return min(max(value, least), most)
        if kind in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
            return rng.choice(PARTS)
        if kind == FieldDescriptor.CPPTYPE_BOOL:
            return rng.random() < 0.5
        if kind == FieldDescriptor.CPPTYPE_ENUM:
            return rng.choice([0, 1, 2, 3, 7, 8, 99, -1, (1 << 31) - 1])
        if field.type == FieldDescriptor.TYPE_BYTES:
            return rng.choice(BYTES) if rng.random() < 0.8 else wav(rng)
        return rng.choice(LONG)() if rng.random() < 0.01 else rng.choice(TEXTS)

    def stream(self, kind: type[Message], first: str) -> list[Any]:
        """Return the messages of a stream: mostly with the part named `first` in front, and the others in any order."""
        rng = self.rng
        parts = [field.name for field in kind.DESCRIPTOR.oneofs[0].fields]
        messages = [self.message(kind, only=first)] if rng.random() < 0.85 else []
        for _ in range(rng.choice([0, 1, 2, 3, 5, 8])):
            only = rng.choice(parts) if rng.random() < 0.9 else None
            messages.append(self.message(kind, only=only) if only else kind())
        return messages


def wav(rng: random.Random) -> bytes:
    """Return a WAV file of a few samples, sometimes with a wrong header."""
    rate = rng.choice([24_000, 24_000, 0, 1, 7_999, 192_001, (1 << 31) - 1, (1 << 32) - 1])
    channels = rng.choice([1, 1, 2, 16, 17, 1024, 0, 65_535])
    bits = rng.choice([16, 16, 8, 24, 32, 0, 7])
    data = b"\x10\x27" * rng.choice([0, 1, 480, 2_400])
    claimed = rng.choice([len(data), len(data), 0, len(data) + 999, 0xFFFFFFFF])
    wide = channels * bits // 8
    head = struct.pack(
        "<HHIIHH", rng.choice([1, 1, 3, 0xFFFE]), channels, rate, rate * wide & 0xFFFFFFFF, wide & 0xFFFF, bits
    )
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(data))
        + b"WAVEfmt \x10\0\0\0"
        + head
        + b"data"
        + struct.pack("<I", claimed)
        + data
    )


def case_rng(rpc: str, seed: int, index: int) -> random.Random:
    """Return the random generator of one case."""
    return random.Random(f"{rpc}/{seed}/{index}")


if __name__ == "__main__":
    from tests.abuse.rpcs import RPCS

    name, seed, index = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for message in RPCS[name].case(seed, index):
        print(f"--- {type(message).__name__}\n{message}")
