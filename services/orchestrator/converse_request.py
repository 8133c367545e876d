"""Validation of requests to the orchestrator; every refusal names the field, the value seen and the value wanted."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping

from neurosync.v1 import orchestrator_pb2
from services.common.errors import BadRequestError
from services.common.wire import busy_policy, check_subject, emotion_strengths
from services.orchestrator.sessions import MAX_LABELS

MAX_TEXT = 100_000  # characters of a prompt or a text to speak
MAX_NAME = 128  # characters of a session id, voice or model
MAX_LABEL_VALUE = 256  # characters
MAX_PAGE = 1_000  # entries of history
DEFAULT_PAGE = 100
SPEEDS = (0.5, 2.0)
_LABEL_KEY = re.compile(r"[a-z0-9._/-]{1,64}")


def check_converse(request: orchestrator_pb2.ConverseRequest) -> None:
    """Check every field of a request for a turn.

    Raises:
        BadRequestError: A field is wrong.
    """
    check_session_id(request.session_id)
    kind = request.WhichOneof("input")
    if kind is None:
        raise BadRequestError("input", "nothing", "a prompt, or a text to speak")
    for field in (kind, "system_prompt"):
        _check_length(field, getattr(request, field), MAX_TEXT)
        if "\0" in getattr(request, field):
            raise BadRequestError(field, "a NUL character", "text")
    if not getattr(request, kind).strip():
        raise BadRequestError(kind, getattr(request, kind), "some text")
    if request.subject:
        check_subject("subject", request.subject)
    for field in ("voice", "model"):
        _check_name(field, getattr(request, field))
    if request.speed and not SPEEDS[0] <= request.speed <= SPEEDS[1]:  # also refuses NaN
        raise BadRequestError("speed", request.speed, f"{SPEEDS[0]} to {SPEEDS[1]}, or 0 for 1")
    emotion_strengths(request.emotions, "emotions", indexed=True)
    busy_policy(request.policy)
    _check_labels("labels", request.labels)
    _check_labels("session_labels", request.session_labels)


def check_session_id(session_id: str) -> None:
    """Check the id of a session.

    Raises:
        BadRequestError: It is empty or too long.
    """
    if not session_id:
        raise BadRequestError("session_id", session_id, f"1 to {MAX_NAME} characters")
    _check_name("session_id", session_id)


def parse_page(request: orchestrator_pb2.GetHistoryRequest) -> tuple[int, int]:
    """Return the number of the first entry of a page, and the entries on it at most.

    Raises:
        BadRequestError: The size is out of range, or the token is none of ours.
    """
    if not 0 <= request.page_size <= MAX_PAGE:
        raise BadRequestError("page_size", request.page_size, f"1 to {MAX_PAGE}, or 0 for {DEFAULT_PAGE}")
    number = request.page_token.partition("-")[0] or "0"
    is_number = number.isascii() and number.isdecimal() and len(number) <= 18
    if request.page_token and not (is_number and request.page_token == page_token(request.session_id, int(number))):
        raise BadRequestError("page_token", request.page_token, "the next_page_token of the page before, or nothing")
    return int(number), request.page_size or DEFAULT_PAGE


def page_token(session_id: str, number: int) -> str:
    """Return the token of the page of a session that begins with entry `number`."""
    return f"{number}-{zlib.crc32(session_id.encode()):08x}"


def _check_labels(field: str, labels: Mapping[str, str]) -> None:
    if len(labels) > MAX_LABELS:
        raise BadRequestError(field, f"{len(labels)} labels", f"at most {MAX_LABELS}")
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key):
            raise BadRequestError(field, f"key {key}", "keys of 1 to 64 characters of a-z, 0-9, `.`, `_`, `-`, `/`")
        if len(value) > MAX_LABEL_VALUE or not value.isprintable():
            raise BadRequestError(field, f"{key}={value}", f"values of at most {MAX_LABEL_VALUE} printable characters")


def _check_name(field: str, name: str) -> None:
    """Check what names something; it may be empty."""
    _check_length(field, name, MAX_NAME)
    if "\0" in name:
        raise BadRequestError(field, name, "text without NUL characters")


def _check_length(field: str, text: str, most: int) -> None:
    if len(text) > most:
        raise BadRequestError(field, f"{len(text)} characters", f"at most {most} characters")
