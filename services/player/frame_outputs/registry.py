"""The frame outputs by the scheme of their targets: `HOST:PORT` and `livelink://HOST:PORT` are Live Link over UDP."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Final, Protocol

from services.common.addresses import LIVE_LINK_SCHEME, split_scheme
from services.common.errors import ConfigurationError
from services.player.frame_outputs.frame_output import FrameOutput
from services.player.frame_outputs.livelink_udp import LiveLinkUdp


class OpenOutput(Protocol):
    """Opens the output of one target; raises ConfigurationError if the target is wrong."""

    def __call__(self, target: str, *, device_id: str) -> FrameOutput:
        """Return the output for `target`, without its scheme; `device_id` names the sender."""


OUTPUTS: Final[dict[str, OpenOutput]] = {LIVE_LINK_SCHEME: LiveLinkUdp}
"""How to open a target, by scheme; an output for another program is one more entry."""


def open_frame_outputs(targets: Iterable[str]) -> list[FrameOutput]:
    """Return an output for each target.

    Raises:
        ConfigurationError: A target is wrong; those that were opened are closed.
    """
    device_id = str(uuid.uuid4())
    outputs: list[FrameOutput] = []
    try:
        for target in targets:
            outputs.append(_open(target, device_id))  # noqa: PERF401 - those that are open are closed when one fails
    except ConfigurationError:
        for output in outputs:
            output.close()
        raise
    return outputs


def _open(target: str, device_id: str) -> FrameOutput:
    scheme, address = split_scheme(target)
    if scheme not in OUTPUTS:
        known = ", ".join(f"{name}://HOST:PORT" for name in OUTPUTS)
        raise ConfigurationError(f"targets: expected HOST or HOST:PORT, or one of {known}, got {target!r}")
    return OUTPUTS[scheme](address, device_id=device_id)
