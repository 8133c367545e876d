"""Checks of the UDP targets of the face, with real sockets."""

from __future__ import annotations

import socket

import pytest

from services.cli.checks import target_checks
from services.cli.checks.check import State
from services.cli.checks.target_checks import check_targets
from services.common.addresses import Endpoint


def test_a_target_of_the_face_is_heard_or_not_or_elsewhere_or_wrong() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unreal:
        unreal.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Unreal does, on all addresses
        unreal.bind(("0.0.0.0", 0))
        port = unreal.getsockname()[1]
        heard = check_targets([f"127.0.0.1:{port}"])
    unheard = check_targets([f"127.0.0.1:{port}"])
    others = check_targets(["192.0.2.7", "no such host"])
    assert [check.state for check in (*heard, *unheard, others[1])] == [State.OK, State.NOTE, State.PROBLEM]
    assert others[0].state is not State.PROBLEM  # out of sight, or out of reach
    assert "a program listens there" in heard[0].found
    assert "neurosync monitor" in unheard[0].advice
    assert others[0].name == "UDP 192.0.2.7:11111"


def test_a_target_that_is_named_twice_is_noted(port: int) -> None:
    *_, check = check_targets([f"127.0.0.1:{port}", "192.0.2.7", f"127.0.0.1:{port}"])
    assert (check.name, check.found) == ("targets", f"127.0.0.1:{port} is named twice")


@pytest.mark.parametrize("target", ["127.0.0.1:99999", "127.0.0.1:0", ":11111"])
def test_what_is_no_target_is_a_problem(target: str) -> None:
    (check,) = check_targets([target])
    assert check.state is State.PROBLEM


def endpoint(host: str, port: int) -> Endpoint:
    return Endpoint(socket.AF_INET, socket.SOCK_DGRAM, 0, (host, port))


def test_a_machine_that_refuses_or_is_silent_is_reported_from_one_that_cannot_be_reached(port: int) -> None:
    address = ("127.0.0.1", port)
    refused = target_checks._check_remote("UDP x", endpoint(*address), port)
    assert (refused.state, refused.found) == (State.NOTE, "that machine refuses: no program listens there")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unreal:
        unreal.bind(address)
        silent = target_checks._check_remote("UDP x", endpoint(*address), port)
        assert unreal.recv(10) == b""  # empty: nothing that could disturb Unreal
    assert silent.state is State.OK
    assert f"localport={port}" in silent.advice
    nowhere = target_checks._check_remote("UDP x", endpoint("255.255.255.255", port), port)
    assert nowhere.state is State.NOTE
    assert "cannot be reached" in nowhere.found
