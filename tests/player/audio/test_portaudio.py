"""The device through a sound library that behaves as PortAudio does, where a real one would need real hardware."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from services.common.errors import UnavailableError
from services.player.audio import portaudio_library
from services.player.audio.open_device import reopen_device
from services.player.audio.portaudio import PortAudioDevice
from services.player.audio.portaudio_library import find_device, list_devices, rescan_devices
from services.player.audio.ring_buffer import RingBuffer

BLOCK_SECONDS = 0.005


class PortAudioError(Exception):
    """As the library names it."""


class Library:
    """Two devices; `Card` takes 44 100 Hz alone, `Gone` cannot be opened."""

    PortAudioError = PortAudioError

    def __init__(self, api: str = "WASAPI") -> None:
        self.default = SimpleNamespace(device=(0, 1))
        self.began = 0
        self.streams: list[Stream] = []
        self._api = api

    def query_hostapis(self) -> list[dict[str, str]]:
        return [{"name": self._api}]

    def query_devices(self) -> list[dict[str, Any]]:
        return [
            {"index": index, "name": name, "hostapi": 0, "default_samplerate": 44_100.0, "max_output_channels": count}
            for index, (name, count) in enumerate((("Microphone", 0), ("Card", 6), ("Gone", 2)))
        ]

    def RawOutputStream(self, **options: Any) -> Stream:
        if options["device"] == 2 or options["samplerate"] != 44_100:
            raise PortAudioError("Invalid sample rate")
        self.streams.append(Stream(options))
        return self.streams[-1]

    def _terminate(self) -> None:
        self.began -= 1

    def _initialize(self) -> None:
        self.began += 2


class Stream:
    """Calls back from a thread, like a device of `BLOCK_SECONDS`."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.closed = threading.Event()
        self.played: list[bytes] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self.end()
        self.closed.set()

    def end(self) -> None:
        """Vanish, as a device that is pulled out."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        frames = round(BLOCK_SECONDS * self.options["samplerate"])
        due = time.perf_counter()
        while not self._ending.wait(max(0.0, due - time.perf_counter())):
            block = bytearray(2 * frames * self.options["channels"])
            timing = SimpleNamespace(currentTime=due + 1000, outputBufferDacTime=due + 1000.02)
            self.options["callback"](block, frames, timing, SimpleNamespace(output_underflow=False))
            self.played.append(bytes(block))
            due += BLOCK_SECONDS
        self.options["finished_callback"]()


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    made = Library()
    monkeypatch.setattr(portaudio_library, "load_library", lambda: made)
    monkeypatch.setattr(portaudio_library, "open_streams", set())
    yield made
    for stream in made.streams:
        stream.end()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_rate_that_the_device_refuses_is_converted(library: Library) -> None:
    output = PortAudioDevice(find_device("auto"), sample_rate=48_000, latency=0.05)
    buffer = RingBuffer(4 * 48_000)
    buffer.write(0, np.full(4 * 48_000, 9_000, np.int16))
    output.start(buffer)
    assert output.sample_rate == 48_000
    assert library.streams[0].options["samplerate"] == 44_100
    assert library.streams[0].options["channels"] == 2
    heard = np.frombuffer(library.streams[0].played[20], np.int16)
    assert np.abs(heard.astype(int) - 9_000).max() <= 2
    now = time.monotonic()
    assert output.sample_at(output.time_of(30_000)) == pytest.approx(30_000, abs=2)
    assert 0 < output.update(now) - output.sample_at(now) < 0.1 * 48_000
    output.close()


def test_without_a_wanted_rate_the_devices_own_is_taken(library: Library) -> None:
    output = PortAudioDevice(find_device("Card"), sample_rate=0, latency=0.05, channels=1)
    assert output.sample_rate == 44_100
    assert library.streams[0].options["channels"] == 1
    output.close()


def test_the_rate_that_alsa_names_is_not_taken(library: Library) -> None:
    library._api = "ALSA"
    assert {device.default_sample_rate for device in list_devices()} == {48_000}


def test_a_device_that_cannot_be_opened_is_named(library: Library) -> None:
    with pytest.raises(UnavailableError, match="cannot open the sound device 'Gone'"):
        PortAudioDevice(find_device("Gone"), sample_rate=0, latency=0.05)


def test_a_device_that_ends_is_lost_at_once_and_its_successor_waits_silently(library: Library) -> None:
    output = PortAudioDevice(find_device("auto"), sample_rate=0, latency=0.05)
    output.start(RingBuffer(44_100))
    assert not output.lost
    library.streams[0].end()
    assert output.lost
    rescan_devices()
    assert library.began == 0  # the old stream is open: the library must not be begun anew
    output.close()
    assert library.streams[0].closed.wait(5)
    until(lambda: output not in portaudio_library.open_streams)
    again = reopen_device("Card", sample_rate=48_000, latency=0.05)
    assert library.began == 1
    assert again.sample_rate == 48_000
    assert not any(library.streams[1].played[-1])
    buffer = RingBuffer(20 * 48_000)
    buffer.write(0, np.full(20 * 48_000, 9_000, np.int16))
    now = time.monotonic()
    again.join(buffer, 96_000.0, now)
    assert again.sample_at(now) == pytest.approx(96_000, abs=2)
    count = len(library.streams[1].played)
    until(lambda: len(library.streams[1].played) > count + 5)
    assert np.frombuffer(library.streams[1].played[-1], np.int16).max() == pytest.approx(9_000, abs=2)
    again.close()
