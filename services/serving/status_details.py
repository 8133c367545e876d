"""Machine-readable details of an error status: a `google.rpc.ErrorInfo` in the trailing metadata of the call."""

from __future__ import annotations

from collections.abc import Mapping

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

DOMAIN = "neurosync.v1"
"""Domain of every `ErrorInfo`; its reasons are the names of `neurosync.v1.Reason` without `REASON_`."""

Metadata = tuple[tuple[str, str | bytes], ...]


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
