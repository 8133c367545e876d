"""Checks that several services share: names of characters, ids of turns, busy policies."""

from __future__ import annotations

import pytest

from neurosync.v1 import player_pb2
from services.common.errors import BadRequestError
from services.common.wire import busy_policy, check_subject, parse_turn_id

TURN_ID = "3f1d4c62-8a59-4a8e-9a0c-6f7f0b6f2f11"


@pytest.mark.parametrize("name", ["Ada", "x" * 64, "é" * 32, "ライブ"])
def test_a_printable_name_of_up_to_64_bytes_is_taken(name: str) -> None:
    assert check_subject("subject", name) == name


@pytest.mark.parametrize("name", ["", "x" * 65, "é" * 33, "A\nB", "\0"])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(BadRequestError, match=r"^subject: expected 1 to 64 bytes of printable text"):
        check_subject("subject", name)


def test_an_unspecified_policy_means_replace() -> None:
    assert busy_policy(player_pb2.BUSY_POLICY_UNSPECIFIED) == player_pb2.BUSY_POLICY_REPLACE
    assert busy_policy(player_pb2.BUSY_POLICY_QUEUE) == player_pb2.BUSY_POLICY_QUEUE


def test_an_unknown_policy_is_refused() -> None:
    message = player_pb2.PerformConfig.FromString(b"\x20\x63")  # field 4, value 99
    with pytest.raises(BadRequestError, match=r"config\.policy: expected a BusyPolicy, got 99"):
        busy_policy(message.policy, "config.policy")


def test_a_turn_id_is_a_uuid_in_its_usual_form() -> None:
    assert parse_turn_id(TURN_ID.upper()) == TURN_ID
    for text in ("", "turn", TURN_ID.replace("-", ""), f"{{{TURN_ID[:-2]}}}"):
        with pytest.raises(BadRequestError, match="turn_id: expected a UUID"):
            parse_turn_id(text)
