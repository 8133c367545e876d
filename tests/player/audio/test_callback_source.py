"""What the callback of a device does: copies, converts, joins in, and keeps the time. All on simulated time."""

from __future__ import annotations

import random

import numpy as np
import numpy.typing as npt
import pytest

from services.player.audio.callback_source import RAMP_SECONDS, CallbackSource
from services.player.audio.ring_buffer import RingBuffer

RATE = 48_000
BLOCK = 240


def buffer_of(sound: npt.NDArray[np.int16]) -> RingBuffer:
    buffer = RingBuffer(len(sound))
    buffer.write(0, sound)
    return buffer


def sine(hertz: float, seconds: float, rate: int = RATE, level: int = 20_000) -> npt.NDArray[np.int16]:
    time = np.arange(round(seconds * rate)) / rate
    return np.asarray(np.rint(level * np.sin(2 * np.pi * hertz * time)), np.int16)


def played(source: CallbackSource, seconds: float, device_rate: int, *, at: float = 10.0) -> npt.NDArray[np.int16]:
    """Let the device take `seconds` in blocks of odd sizes; return the first channel."""
    dice, blocks, taken = random.Random(3), [], 0
    while taken < seconds * device_rate:
        count = dice.randint(50, 700)
        blocks.append(source.take(count, at + taken / device_rate)[:, 0])
        taken += count
        source.update()
    return np.concatenate(blocks)


def test_sound_of_the_devices_own_rate_passes_bit_by_bit() -> None:
    sound = np.random.default_rng(1).integers(-32_768, 32_767, RATE, dtype=np.int16)
    source = CallbackSource(RATE, rate=RATE, channels=2)
    source.attach(buffer_of(sound))
    assert np.array_equal(played(source, 0.5, RATE)[: RATE // 2], sound[: RATE // 2])
    assert source.underrun_count == 0


def test_both_channels_carry_the_voice() -> None:
    source = CallbackSource(RATE, rate=RATE, channels=2)
    source.attach(buffer_of(sine(440, 0.1)))
    block = source.take(1000, 0.0)
    assert block.shape == (1000, 2)
    assert np.array_equal(block[:, 0], block[:, 1])


@pytest.mark.parametrize(("volume", "loudest"), [(0.5, 10_000), (0.0, 0), (4.0, 32_767)])
def test_the_volume_scales_and_never_wraps_around(volume: float, loudest: int) -> None:
    source = CallbackSource(RATE, rate=RATE, volume=volume)
    source.attach(buffer_of(sine(440, 0.5)))
    assert np.abs(played(source, 0.4, RATE).astype(int)).max() == pytest.approx(loudest, abs=1)


@pytest.mark.parametrize(
    ("rate", "device_rate"), [(48_000, 44_100), (44_100, 48_000), (24_000, 48_000), (48_000, 22_050), (48_000, 47_999)]
)
def test_a_device_of_another_rate_gets_the_same_tone(rate: int, device_rate: int) -> None:
    source = CallbackSource(device_rate, rate=rate)
    source.attach(buffer_of(sine(997, 1.0, rate)))
    heard = played(source, 0.8, device_rate).astype(float)
    wanted = 20_000 * np.sin(2 * np.pi * 997 * np.arange(len(heard)) / device_rate)
    noise = (heard - wanted)[200:]
    assert 20 * np.log10(20_000 / np.sqrt(2) / np.sqrt(np.mean(noise**2))) > 75  # dB


def test_what_a_slower_device_cannot_play_is_taken_out_not_folded_down() -> None:
    source = CallbackSource(22_050, rate=48_000)
    source.attach(buffer_of(sine(15_000, 0.5)))
    assert np.abs(played(source, 0.4, 22_050)[200:].astype(int)).max() < 30  # of 20 000


def test_a_converted_sample_is_timed_where_it_is_heard() -> None:
    source = CallbackSource(44_100, rate=48_000)
    source.attach(buffer_of(sine(440, 1.0)))
    played(source, 0.9, 44_100, at=10.0)
    assert source.locked
    assert source.time_of(48_000) == pytest.approx(11.0, abs=1e-4)
    assert source.sample_at(11.0) == pytest.approx(48_000, abs=5)
    assert source.update() >= source.sample_at(10.9)


def test_a_device_that_comes_back_plays_on_where_time_is_and_without_a_click() -> None:
    sound = np.full(RATE, 20_000, np.int16)
    source = CallbackSource(RATE, rate=RATE)
    assert not played(source, 0.6, RATE, at=10.0).any()
    now = 10.5  # of monotonic time; the device took 0.1 s ahead of it
    source.join(buffer_of(sound), 12_345.0, now)
    assert source.sample_at(now) == 12_345
    assert source.time_of(12_345) == pytest.approx(now, abs=1e-4)
    taken = source.update()
    assert taken == pytest.approx(12_345 + 0.1 * RATE, abs=700)
    heard = source.take(2 * BLOCK, now + 0.1)[:, 0].astype(int)
    assert abs(heard[0]) < 100
    assert np.abs(np.diff(heard)).max() <= 20_000 / (RAMP_SECONDS * RATE) + 1
    assert source.take(BLOCK, now + 0.12)[0, 0] == 20_000


def test_running_beyond_what_was_rendered_is_silent_and_counted() -> None:
    source = CallbackSource(RATE, rate=RATE)
    source.attach(buffer_of(np.full(1_000, 5, np.int16)))
    assert source.take(1_500, 0.0)[:, 0].tolist() == [5] * 1_000 + [0] * 500
    assert source.underrun_count == 1
    source.take(10, 0.0, is_dry=True)
    assert source.underrun_count == 3
