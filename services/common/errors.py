"""The exception tree of NeuroSync; `services.serving.error_status` maps it to gRPC statuses.

NeuroSyncError
    BadRequestError         the caller's fault: names the field, the value seen and the value wanted
    NotReadyError           the current state does not allow the call
        RefusedBusyError    the session or character is speaking, and the policy is to refuse
    StoppedError            the turn was stopped before it began
    DuplicateError          the id is in use
        FinishedTurnError   the id is that of a turn that has finished
    UnknownTurnError        no turn of this id is known
    BusyError               no capacity is left; retry later, or on another replica
    UnavailableError        a dependency of this service is unavailable; retrying may help
    InactiveError           the other side sent nothing for too long
    ConfigurationError      a setting is wrong; the process cannot start
"""

from __future__ import annotations

from typing import ClassVar

_SHOWN_CHARACTERS = 80  # of a value in a message; more would not help, and may be a secret or a whole text


class NeuroSyncError(Exception):
    """Base of all errors that NeuroSync raises on purpose; their messages are shown to clients."""

    reason: ClassVar[str] = "INTERNAL"
    """Name of the `neurosync.v1.Reason`, without `REASON_`, sent to clients with the status."""


class BadRequestError(NeuroSyncError):
    """A field of a request is wrong."""

    reason = "INVALID_FIELD"

    def __init__(self, field: str, seen: object, wanted: str) -> None:
        """Name the `field`, the value `seen` and what was `wanted`."""
        shown = repr(seen[: _SHOWN_CHARACTERS + 1] if isinstance(seen, str | bytes) else seen)
        if len(shown) > _SHOWN_CHARACTERS:
            shown = f"{shown[:_SHOWN_CHARACTERS]}..."
        super().__init__(f"{field}: expected {wanted}, got {shown}")
        self.field = field


class NotReadyError(NeuroSyncError):
    """The current state does not allow the call."""

    reason = "NOT_READY"


class RefusedBusyError(NotReadyError):
    """The session or character is speaking, and the policy is to refuse."""

    reason = "BUSY"


class StoppedError(NeuroSyncError):
    """The turn was stopped before it began."""

    reason = "TURN_STOPPED"


class DuplicateError(NeuroSyncError):
    """The id is that of a turn that is running."""

    reason = "TURN_RUNNING"


class FinishedTurnError(DuplicateError):
    """The id is that of a turn that has finished."""

    reason = "TURN_FINISHED"


class UnknownTurnError(NeuroSyncError):
    """No turn of this id is known."""

    reason = "TURN_UNKNOWN"


class BusyError(NeuroSyncError):
    """No capacity is left."""

    reason = "CAPACITY_EXHAUSTED"


class UnavailableError(NeuroSyncError):
    """A dependency of this service is unavailable."""

    reason = "UNAVAILABLE"


class InactiveError(NeuroSyncError):
    """The other side sent nothing for too long."""

    reason = "INACTIVE"


class ConfigurationError(NeuroSyncError):
    """A setting is wrong, so the process cannot start."""
