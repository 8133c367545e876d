"""A private PulseAudio server with a null sink, a recorder of its monitor, and a player that is independent of ours.

The server is PulseAudio with a null sink; what the sink plays is read from its monitor.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from services.common.types import Pcm

RATE = 48_000  # Hz, of the sink and of the recording
PROGRAMS = ("pulseaudio", "parec", "pactl")
REMEDY = "apt-get install pulseaudio pulseaudio-utils libasound2-plugins"
WINDOW_SECONDS = 5.0  # of arrivals, whose median places the recording in time
SETUP = f"""
load-module module-native-protocol-unix
load-module module-null-sink sink_name=neurosync rate={RATE} channels=2 format=s16le
set-default-sink neurosync
set-default-source neurosync.monitor
"""


def missing() -> list[str]:
    """Return the programs that are not there."""
    return [program for program in PROGRAMS if not shutil.which(program)]


class SoundServer:
    """A sound server in a folder of its own, which can be killed and started again."""

    def __init__(self, place: Path) -> None:
        """Keep the server's files in `place`, which must be there."""
        self._place = place
        place.chmod(0o700)
        (place / "setup.pa").write_text(SETUP, encoding="utf-8")
        settings = place / ".config" / "pulse"
        settings.mkdir(parents=True, exist_ok=True)
        (settings / "client.conf").write_text("autospawn = no\n", encoding="utf-8")
        self.environment = os.environ | {"XDG_RUNTIME_DIR": str(place), "HOME": str(place)}
        """Of programs that are to use it."""
        self.address = f"unix:{place}/pulse/native"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, seconds: float = 20.0) -> None:
        """Start, and wait for at most `seconds` until it answers."""
        (self._place / "pulse" / "native").unlink(missing_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            "pulseaudio",
            *("--daemonize=no", "-n", "-F", str(self._place / "setup.pa"), "--exit-idle-time=-1", "--use-pid-file=no"),
            env=self.environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(seconds):
            while await self._answers():  # each question takes some milliseconds
                pass

    async def add_sink(self, name: str) -> None:
        """Add a sink until the server ends; to programs that start later it is a device of this name."""
        device = f'pcm.{name} {{ type pulse device "{name}" hint {{ show on description "{name}" }} }}\n'
        with (self._place / ".asoundrc").open("a", encoding="utf-8") as devices:
            devices.write(device)
        adding = await asyncio.create_subprocess_exec(
            *("pactl", "load-module", "module-null-sink", f"sink_name={name}"),
            *(f"rate={RATE}", "channels=2", "format=s16le"),
            env=self.environment,
            stdout=asyncio.subprocess.DEVNULL,
        )
        if await adding.wait():
            raise OSError(f"the sound server added no sink {name!r}")

    async def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._process = None

    async def _answers(self) -> int:
        """Return 0 if the server answers."""
        asking = await asyncio.create_subprocess_exec(
            "pactl", "info", env=self.environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        return await asking.wait()


@contextlib.asynccontextmanager
async def sound_server(place: Path) -> AsyncIterator[SoundServer]:
    """Run a server in the folder `place`."""
    server = SoundServer(place)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


class Recording:
    """What a sink plays, and when each sample of it came; listens in a thread of its own until it is closed."""

    def __init__(self, server: SoundServer, sink: str = "neurosync") -> None:
        """Begin to listen."""
        self._chunks: list[bytes] = []
        self._arrivals: list[tuple[int, float]] = []
        self._count = 0
        self._child = subprocess.Popen(
            [
                *("parec", "-d", f"{sink}.monitor", f"--rate={RATE}", "--channels=1", "--format=s16le", "--raw"),
                "--latency-msec=10",
            ],
            env=server.environment,
            stdout=subprocess.PIPE,
        )
        self._thread = threading.Thread(target=self._listen, name="recording", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self._child.stdout
        while chunk := os.read(self._child.stdout.fileno(), 1 << 16):
            now = time.monotonic()
            self._chunks.append(chunk)
            self._count += len(chunk)
            self._arrivals.append((self._count // 2, now))

    @property
    def seconds(self) -> float:
        """How much has come."""
        return self._count / 2 / RATE

    def close(self) -> None:
        """End it."""
        self._child.terminate()
        self._child.wait(10)
        self._thread.join(10)
        assert self._child.stdout
        self._child.stdout.close()

    def sound(self) -> Pcm:
        """Return all that came."""
        data = b"".join(self._chunks)
        return np.frombuffer(data[: len(data) // 2 * 2], np.int16)

    def times(self, samples: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return when samples, by index, came, in monotonic time.

        Chunks come with jitter, so the time is the median of those within `WINDOW_SECONDS`, joined by straight lines.
        """
        counts, arrivals = np.array(self._arrivals).T
        offsets = arrivals - counts / RATE
        window = (counts / RATE // WINDOW_SECONDS).astype(int)
        centres = [counts[window == index].mean() for index in np.unique(window)]
        medians = [float(np.median(offsets[window == index])) for index in np.unique(window)]
        samples = np.asarray(samples, np.float64)
        return np.asarray(samples / RATE + np.interp(samples, centres, medians))


@contextlib.contextmanager
def recording(server: SoundServer, sink: str = "neurosync") -> Iterator[Recording]:
    """Record what a sink of the server plays."""
    made = Recording(server, sink)
    try:
        yield made
    finally:
        made.close()


def onsets(sound: Pcm, *, threshold: int = 4000, apart: float = 0.05) -> npt.NDArray[np.int64]:
    """Return where sound begins: the first sample beyond `threshold` after `apart` seconds without any."""
    loud = np.flatnonzero(np.abs(sound.astype(np.int32)) > threshold)
    first = np.diff(loud, prepend=-(10**9)) > apart * RATE
    return np.asarray(loud[first], np.int64)


class _SampleSpec(ctypes.Structure):
    _fields_ = (("format", ctypes.c_int), ("rate", ctypes.c_uint32), ("channels", ctypes.c_uint8))


class _BufferAttributes(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("maxlength", "tlength", "prebuf", "minreq", "fragsize"))


class BarePlayer:
    """Plays through the sound server's own library; when a sample will be heard is the server's word.

    It shares no code and no library with the player that is measured.
    """

    S16LE = 3
    PLAYBACK = 1
    BLOCK = RATE // 100

    def __init__(self, server: SoundServer, *, latency: float = 0.05) -> None:
        """Connect, and ask for `latency` seconds from writing to hearing."""
        self._library = ctypes.CDLL("libpulse-simple.so.0")
        self._library.pa_simple_new.restype = ctypes.c_void_p
        self._library.pa_simple_get_latency.restype = ctypes.c_uint64
        self._error = ctypes.c_int(0)
        spec = _SampleSpec(self.S16LE, RATE, 1)
        none = 0xFFFFFFFF
        buffer = _BufferAttributes(none, round(latency * RATE) * 2, none, none, none)
        self._stream = ctypes.c_void_p(
            self._library.pa_simple_new(
                server.address.encode(),
                b"bench",
                self.PLAYBACK,
                None,
                b"clicks",
                ctypes.byref(spec),
                None,
                ctypes.byref(buffer),
                ctypes.byref(self._error),
            )
        )
        if not self._stream:
            raise OSError(f"the sound server refused: error {self._error.value}")

    def play(self, blocks: int, block_of: Callable[[int], Pcm]) -> list[float]:
        """Play `blocks` blocks of `BLOCK` samples; return when the first sample of each was heard."""
        heard = []
        for number in range(blocks):
            latency = self._library.pa_simple_get_latency(self._stream, ctypes.byref(self._error)) / 1e6
            heard.append(time.monotonic() + latency)
            data = block_of(number).tobytes()
            if self._library.pa_simple_write(self._stream, data, ctypes.c_size_t(len(data)), ctypes.byref(self._error)):
                raise OSError(f"the sound server ended: error {self._error.value}")
        return heard

    def close(self) -> None:
        """Disconnect."""
        self._library.pa_simple_free(self._stream)


def recorder_delay(server: SoundServer, made: Recording, *, clicks: int) -> npt.NDArray[np.float64]:
    """Return the recorder's own delay, in seconds, at each click of a player that is not ours."""
    begun = made.seconds
    click = np.zeros(BarePlayer.BLOCK, np.int16)
    click[:48] = 20_000
    silence = np.zeros(BarePlayer.BLOCK, np.int16)
    every = 13  # blocks; no multiple of anything that the server does
    bare = BarePlayer(server)
    try:
        heard = bare.play((clicks + 8) * every, lambda number: silence if number % every else click)
    finally:
        bare.close()
    time.sleep(0.3)
    expected = np.array(heard[::every])
    found = onsets(made.sound())
    came = made.times(found[found > begun * RATE])
    # The first ones may be lost while the stream starts: each one that came belongs to the nearest expected.
    nearest = np.abs(came[:, np.newaxis] - 0.005 - expected).argmin(axis=1)
    return np.asarray((came - expected[nearest])[4:-2])
