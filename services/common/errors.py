"""The errors of NeuroSync, one tree; servers translate them to gRPC statuses in one place (`services.serving.server`).

NeuroSyncError
    BadRequestError         the caller's fault: names the field, the value seen and the value wanted
    NotReadyError           the state of things does not allow it now
    StoppedError            the turn was stopped before it began
    DuplicateError          the name is in use
    BusyError               full; another replica, or the same one later, may take it
    UnavailableError        something that this service needs is away; retrying may help
    InactiveError           the other side was silent for too long
    ConfigurationError      a setting is wrong; the process cannot start
"""

from __future__ import annotations

_SHOWN_CHARACTERS = 80  # of a value in a message; longer values say nothing more and may be secrets or books


class NeuroSyncError(Exception):
    """Base of all errors that NeuroSync raises on purpose."""


class BadRequestError(NeuroSyncError):
    """A field of a request is wrong."""

    def __init__(self, field: str, seen: object, wanted: str) -> None:
        """Name the `field`, the value `seen` and what was `wanted`."""
        shown = repr(seen[: _SHOWN_CHARACTERS + 1] if isinstance(seen, str | bytes) else seen)
        if len(shown) > _SHOWN_CHARACTERS:
            shown = f"{shown[:_SHOWN_CHARACTERS]}..."
        super().__init__(f"{field}: expected {wanted}, got {shown}")
        self.field = field


class NotReadyError(NeuroSyncError):
    """The state of things does not allow the call now."""


class StoppedError(NeuroSyncError):
    """The turn was stopped before it began."""


class DuplicateError(NeuroSyncError):
    """The name is in use."""


class BusyError(NeuroSyncError):
    """No capacity is left."""


class UnavailableError(NeuroSyncError):
    """Something that this service needs is away."""


class InactiveError(NeuroSyncError):
    """The other side was silent for too long."""


class ConfigurationError(NeuroSyncError):
    """A setting is wrong."""
