"""Outputs that open or do not, and close once."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import grpc
import pytest

from bench.receiver import Receiver
from neurosync.v1 import outcome_pb2, player_pb2_grpc
from services.common.errors import UnavailableError
from services.common.settings import load
from services.player.audio.output_device import OutputDevice
from services.player.server import PlayerService
from services.player.settings import PlayerSettings
from services.serving.dialing import dial
from services.serving.server import running
from tests.player.many_outputs import ADA, Device, Devices, begun, last_word, status_of, turn

if TYPE_CHECKING:
    Stub = player_pb2_grpc.PlayerServiceAsyncStub


async def test_the_shutdown_is_reported_and_closes_each_output_once(unreal: Receiver) -> None:
    devices = Devices("main", "Bob's")
    settings = load(PlayerSettings, output="main", outputs={"Bob": "Bob's"}, subjects="Ada,Bob", targets=unreal.address)
    service = PlayerService(settings, open_device=devices.open_device, reopen_device=devices.reopen_device)
    async with running(service, settings) as server, dial(server.address) as channel:
        stub: Stub = player_pb2_grpc.PlayerServiceStub(channel)
        calls = [stub.Perform(iter(turn(name, ADA, 3.0))) for name in ("Ada", "Bob")]
        await asyncio.gather(*map(begun, calls))
        await service.close()
        ends = await asyncio.gather(*map(last_word, calls))
        with pytest.raises(grpc.aio.AioRpcError) as away:
            await status_of(stub)
    assert {last.reason for last in ends} == {outcome_pb2.REASON_SHUTTING_DOWN}
    assert away.value.code() == grpc.StatusCode.UNAVAILABLE
    assert [devices["main"].close_count, devices["Bob's"].close_count] == [1, 1]


@pytest.mark.parametrize(
    ("output", "outputs", "reason"),
    [
        (
            "main",
            {"Ada": "Bob's", "Bob": "Nowhere"},
            r"^outputs.Bob: no sound device 'Nowhere'; there are: main, Bob's",
        ),
        ("main", {"Bob": "Nowhere", "Cyd": "Nowhere"}, r"^outputs.Bob, outputs.Cyd: no sound device"),
        ("Nowhere", {"Bob": "Bob's"}, r"^output: no sound device 'Nowhere'"),
        ("auto", {"Bob": "Nowhere"}, r"^outputs.Bob: no sound device 'Nowhere'"),
    ],
)
async def test_an_output_that_is_missing_names_its_setting_and_the_others_are_closed(
    unreal: Receiver, output: str, outputs: dict[str, str], reason: str
) -> None:
    devices = Devices("main", "Bob's")
    service = PlayerService(
        load(PlayerSettings, output=output, outputs=outputs, targets=unreal.address),
        open_device=devices.open_device,
        reopen_device=devices.reopen_device,
    )
    with pytest.raises(UnavailableError, match=reason):
        await service.warm_up()
    await service.close()
    opened = [name for name in devices.order if name in devices.devices]
    assert [devices[name].close_count for name in opened] == [1] * len(opened)


async def test_a_device_that_opens_after_the_end_is_closed(unreal: Receiver) -> None:
    device, opening, ended = Device(), threading.Event(), threading.Event()

    def open_device(output: str, **_: object) -> OutputDevice:
        opening.set()
        assert ended.wait(5)
        return device

    service = PlayerService(load(PlayerSettings, output="main", targets=unreal.address), open_device=open_device)
    warming = asyncio.create_task(service.warm_up())
    assert await asyncio.to_thread(opening.wait, 5)
    warming.cancel()
    await asyncio.wait({warming})
    await service.close()
    ended.set()
    assert await asyncio.to_thread(device.closed.wait, 5)


@pytest.mark.parametrize(
    ("bob", "reason"), [("No such device", "no sound (device|library)"), ("file:/no/such/folder/a.wav", "cannot write")]
)
async def test_an_output_that_cannot_be_opened_is_named_with_the_reason(
    unreal: Receiver, bob: str, reason: str
) -> None:
    settings = load(PlayerSettings, output="none", outputs={"Bob": bob}, targets=unreal.address)
    service = PlayerService(settings)
    with pytest.raises(UnavailableError, match=rf"^outputs.Bob: {reason}"):
        await service.warm_up()
    await service.close()
