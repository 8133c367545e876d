"""Validates a Generate request and parses it to a `ReplyRequest`."""

from __future__ import annotations

import math

from neurosync.v1 import llm_pb2
from services.common.errors import BadRequestError
from services.llm.generation import ReplyRequest
from services.llm.prompt import PastExchange

MAX_CHARACTERS = 100_000  # of one text in a request
MAX_TOKENS = 8192
MAX_EXCHANGES = 500  # of the history that are read, the newest; a 4 MB message can hold two million empty ones


def parse_request(request: llm_pb2.GenerateRequest, persona: str) -> ReplyRequest:
    """Return the parsed request.

    Args:
        request: The message.
        persona: The service's own persona, for requests without a system prompt.

    Raises:
        BadRequestError: A field is wrong.
    """
    _check_text("prompt", request.prompt)
    if not request.prompt.strip():
        raise BadRequestError("prompt", request.prompt, "some text")
    _check_text("system_prompt", request.system_prompt)
    first = max(0, len(request.history) - MAX_EXCHANGES)
    history = request.history[first:]
    for index, exchange in enumerate(history, start=first):
        _check_text(f"history[{index}].user_text", exchange.user_text)
        _check_text(f"history[{index}].assistant_text", exchange.assistant_text)
    if not 0 <= request.max_output_token_count <= MAX_TOKENS:
        raise BadRequestError("max_output_token_count", request.max_output_token_count, f"0 to {MAX_TOKENS}")
    temperature = request.temperature if request.HasField("temperature") else None
    if temperature is not None and not (math.isfinite(temperature) and 0 <= temperature <= 2):
        raise BadRequestError("temperature", temperature, "0 to 2")
    return ReplyRequest(
        prompt=request.prompt,
        history=[PastExchange(exchange.user_text, exchange.assistant_text) for exchange in history],
        persona=request.system_prompt or persona,
        model=request.model,
        max_tokens=request.max_output_token_count or None,
        temperature=temperature,
    )


def _check_text(field: str, text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise BadRequestError(field, f"{len(text)} characters", f"at most {MAX_CHARACTERS} characters")
    if "\0" in text:
        raise BadRequestError(field, text, "text without NUL characters")
