"""Targets and their frame outputs."""

from __future__ import annotations

import pytest

from services.common.addresses import LIVE_LINK_PORT, parse_address
from services.common.errors import ConfigurationError
from services.player.frame_outputs.livelink_udp import LiveLinkUdp
from services.player.frame_outputs.registry import open_frame_outputs


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("10.0.0.5", ("10.0.0.5", 11111)),
        ("unreal:11112", ("unreal", 11112)),
        ("[::1]:11112", ("::1", 11112)),
        ("[::1]", ("::1", 11111)),
    ],
)
def test_targets_are_hosts_with_or_without_port(target: str, expected: tuple[str, int]) -> None:
    assert parse_address(target, field="targets", default_port=LIVE_LINK_PORT) == expected


@pytest.mark.parametrize("target", ["", ":11111", "host:", "host:0", "host:x", "host:70000"])
def test_a_malformed_target_is_a_wrong_setting(target: str) -> None:
    with pytest.raises(ConfigurationError, match="HOST or HOST:PORT"):
        open_frame_outputs(["127.0.0.1", target])


def test_a_scheme_chooses_the_output_and_none_is_live_link() -> None:
    outputs = open_frame_outputs(["127.0.0.1:9", "livelink://127.0.0.1:10"])
    assert [type(output) for output in outputs] == [LiveLinkUdp, LiveLinkUdp]
    assert [output.address for output in outputs] == ["127.0.0.1:9", "127.0.0.1:10"]
    for output in outputs:
        output.close()


def test_an_unknown_scheme_names_those_that_are_there() -> None:
    with pytest.raises(ConfigurationError, match=r"livelink://HOST:PORT.*, got 'osc://127\.0\.0\.1'"):
        open_frame_outputs(["osc://127.0.0.1"])
