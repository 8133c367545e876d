"""Events that the stages of a turn yield besides messages of `neurosync.v1`.

A stage is an async generator of events. Most are messages of the service behind it, as they came (`llm_pb2.TextDelta`,
`media_pb2.AudioChunk`, ...), with positions moved to those of the turn; these are the others.
"""

from __future__ import annotations

from dataclasses import dataclass

from neurosync.v1 import media_pb2
from neurosync.v1.orchestrator_pb2 import Stage
from services.orchestrator.record.transcript import TranscriptWord
from services.orchestrator.stages.connections import StageError


@dataclass(frozen=True, slots=True)
class SentenceStarted:
    """The sound of a sentence follows."""

    text: str
    start_char: int
    """First character of the sentence in the reply."""
    start_sample: int
    """First sample of the sentence in the turn."""


@dataclass(frozen=True, slots=True)
class WordsTimed:
    """Words of the current sentence have their times."""

    words: tuple[TranscriptWord, ...]


@dataclass(frozen=True, slots=True)
class SentenceFinished:
    """The sound of the current sentence is complete, or broke off."""

    index: int
    """Index of the sentence in the reply."""
    end_sample: int
    """One past its last sample in the turn, pause included."""
    is_broken: bool
    """True if its sound broke off before its last word."""
    phonemes: tuple[media_pb2.PhonemeTiming, ...] = ()


@dataclass(frozen=True, slots=True)
class StageNotice:
    """A stage failed or is slow, and the turn goes on."""

    error: StageError


@dataclass(frozen=True, slots=True)
class StageEnded:
    """A stage is done."""

    stage: Stage.ValueType
    error: StageError | None
    """Why it ended before its work was done."""
