"""The gRPC status of each error, with a machine-readable `google.rpc.ErrorInfo` in the call's trailing metadata."""

from __future__ import annotations

from collections.abc import Mapping

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from services.common.errors import (
    BadRequestError,
    BusyError,
    DuplicateError,
    InactiveError,
    NeuroSyncError,
    NotReadyError,
    StoppedError,
    UnavailableError,
    UnknownTurnError,
)

DOMAIN = "neurosync.v1"
"""Domain of every `ErrorInfo`; its reasons are the names of `neurosync.v1.Reason` without `REASON_`."""

Metadata = tuple[tuple[str, str | bytes], ...]


STATUSES: tuple[tuple[type[NeuroSyncError], grpc.StatusCode], ...] = (
    (BadRequestError, grpc.StatusCode.INVALID_ARGUMENT),
    (UnknownTurnError, grpc.StatusCode.NOT_FOUND),
    (NotReadyError, grpc.StatusCode.FAILED_PRECONDITION),
    (StoppedError, grpc.StatusCode.ABORTED),
    (DuplicateError, grpc.StatusCode.ALREADY_EXISTS),
    (BusyError, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (InactiveError, grpc.StatusCode.DEADLINE_EXCEEDED),
    (UnavailableError, grpc.StatusCode.UNAVAILABLE),
)
"""The gRPC status of each error; every other error, such as a setting that turns out wrong, is INTERNAL."""
UNEXPECTED_MESSAGE = "internal error; see the log of the server"


def error_status(error: NeuroSyncError | None) -> tuple[grpc.StatusCode, str, Metadata]:
    """Return code, text and trailing metadata of the status for an error; None for one that nobody expected."""
    if error is None:
        code = grpc.StatusCode.INTERNAL
        return code, UNEXPECTED_MESSAGE, status_details(code, UNEXPECTED_MESSAGE, NeuroSyncError.reason)
    code = next((code for kind, code in STATUSES if isinstance(error, kind)), grpc.StatusCode.INTERNAL)
    metadata = {"field": error.field} if isinstance(error, BadRequestError) else {}
    return code, str(error), status_details(code, str(error), error.reason, metadata)


def status_details(
    code: grpc.StatusCode, message: str, reason: str, metadata: Mapping[str, str] | None = None
) -> Metadata:
    """Return the trailing metadata of a call that ends with `code` and `message` because of `reason`."""
    packed = Any()
    packed.Pack(ErrorInfo(reason=reason, domain=DOMAIN, metadata=metadata or {}))
    status = rpc_status.to_status(Status(code=code.value[0], message=message, details=[packed]))
    details: Metadata = tuple(status.trailing_metadata)
    return details


def error_info(error: grpc.RpcError) -> ErrorInfo | None:
    """Return the ErrorInfo of a failed call, or None if it carries none of this domain."""
    status = rpc_status.from_call(error)
    for packed in status.details if status else ():
        info = ErrorInfo()
        if packed.Unpack(info) and info.domain == DOMAIN:
            return info
    return None
