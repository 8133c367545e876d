"""The contents of `take.json`."""

from __future__ import annotations

import json

import pytest

from services.common.errors import BadRequestError
from services.media.takes.take_info import TakeInfo, info_json, parse_info
from tests.media.takes.example_take import INFO


def test_metadata_survives_json_and_unknown_fields_are_ignored() -> None:
    assert parse_info(info_json(INFO)) == INFO
    table = json.loads(info_json(INFO)) | {"of_the_future": 1}
    assert parse_info(json.dumps(table)) == INFO
    assert parse_info('{"sample_rate": 16000}') == TakeInfo(16_000)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "take.json"),
        ("{}", "sample_rate"),
        ('{"sample_rate": 24000, "version": 99}', "a newer NeuroSync wrote it"),
        ('{"sample_rate": 24000, "schema": "other"}', "expected neurosync.take, got 'other'"),
        ('{"sample_rate": 24000, "words": [{"word": "a"}]}', r"words\.0\.start_char"),
        ('{"sample_rate": 0}', "1 Hz or more"),
    ],
)
def test_a_wrong_take_json_is_refused_by_field(text: str, message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        parse_info(text)
