"""Face frames as Live Link datagrams to one target."""

from __future__ import annotations

import socket

import numpy as np

from services.media.curves import CURVE_COUNT
from services.media.livelink import decode
from services.player.frame_outputs.frame_output import OutputFrame
from services.player.frame_outputs.livelink_udp import LiveLinkUdp

DEVICE = "3f1d4c62-8a59-4a8e-9a0c-6f7f0b6f2f11"


def frame(character: str, value: float, number: int = 7) -> OutputFrame:
    return OutputFrame(character, np.full(CURVE_COUNT, value, np.float32), number, 0.5)


def test_what_was_prepared_last_is_sent_one_datagram_a_character() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        sock.bind(("127.0.0.1", 0))
        output = LiveLinkUdp(f"127.0.0.1:{sock.getsockname()[1]}", device_id=DEVICE)
        output.prepare([frame("Ada", 0.1), frame("Bob", 0.2)])
        output.prepare([frame("Ada", 0.25), frame("Cyd", 0.5, number=8)])
        output.send()
        ada, cyd = (decode(sock.recv(2048)) for _ in range(2))
        output.close()
    assert (ada.subject, ada.device_id, ada.frame, ada.sub_frame) == ("Ada", DEVICE, 7, 0.5)
    assert set(ada.values.tolist()) == {0.25}
    assert (cyd.subject, cyd.frame) == ("Cyd", 8)
    assert (output.sent_count, output.failed_count) == (2, 0)
