"""TLS and mutual TLS, with certificates made for the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
from pydantic import SecretStr

from neurosync.v1 import face_pb2, face_pb2_grpc
from services.common.errors import ConfigurationError
from services.serving.dialing import credentials, dial
from services.serving.server import running
from tests.serving.conftest import Certificates, Start
from tests.serving.fake_service import FakeService, FakeSettings


def tls(certificates: Certificates, **more: Any) -> FakeSettings:
    certificate, key = certificates.server
    return FakeSettings(tls_certificate=certificate, tls_key=key, **more)


async def describe(channel: grpc.aio.Channel, token: str | None = None) -> int:
    stub: Any = face_pb2_grpc.FaceServiceStub(channel)
    request = face_pb2.DescribeModelsRequest()
    answer = await stub.DescribeModels(request, timeout=10, metadata=credentials(token))
    return int(answer.capacity_stream_count)


async def refused(channel: grpc.aio.Channel, token: str | None = None) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await describe(channel, token)
    return caught.value.code()


async def test_tls_serves_a_client_that_trusts_the_authority(certificates: Certificates) -> None:
    async with running(FakeService(), tls(certificates)) as server:
        async with dial(server.address, authority=certificates.authority) as channel:
            assert await describe(channel) == 1
        async with dial(server.address, authority=certificates.stranger[0]) as channel:
            assert await refused(channel) is grpc.StatusCode.UNAVAILABLE
        async with dial(server.address) as channel:
            assert await refused(channel) is grpc.StatusCode.UNAVAILABLE


async def test_tls_and_the_token_hold_together(certificates: Certificates) -> None:
    settings = tls(certificates, token=SecretStr("secret"))
    async with (
        running(FakeService(), settings) as server,
        dial(server.address, authority=certificates.authority) as channel,
    ):
        assert await describe(channel, "secret") == 1
        assert await refused(channel) is grpc.StatusCode.UNAUTHENTICATED


async def test_mutual_tls_serves_only_clients_with_a_certificate(certificates: Certificates) -> None:
    authority = certificates.authority
    async with running(FakeService(), tls(certificates, tls_client_authority=authority)) as server:
        certificate, key = certificates.client
        async with dial(server.address, authority=authority, certificate=certificate, key=key) as channel:
            assert await describe(channel) == 1
        async with dial(server.address, authority=authority) as channel:
            assert await refused(channel) is grpc.StatusCode.UNAVAILABLE
        certificate, key = certificates.stranger
        async with dial(server.address, authority=authority, certificate=certificate, key=key) as channel:
            assert await refused(channel) is grpc.StatusCode.UNAVAILABLE


async def test_mutual_tls_allows_a_process_beyond_loopback_without_a_token(
    start: Start, certificates: Certificates
) -> None:
    certificate, key = map(str, certificates.server)
    env = {"LISTEN": "0.0.0.0:0", "TLS_CERTIFICATE": certificate, "TLS_KEY": key}
    env["TLS_CLIENT_AUTHORITY"] = str(certificates.authority)
    process = await start("plain", **{f"NEUROSYNC_FAKE_{name}": value for name, value in env.items()})
    port = (await process.address()).rpartition(":")[2]
    certificate_path, key_path = certificates.client
    files = {"authority": certificates.authority, "certificate": certificate_path, "key": key_path}
    async with dial(f"127.0.0.1:{port}", **files) as channel:
        assert await describe(channel) == 1


async def test_a_file_that_is_no_certificate_is_an_error_that_names_it(
    certificates: Certificates, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("not a certificate")
    settings = FakeSettings(tls_certificate=broken, tls_key=certificates.server[1])
    with pytest.raises(ConfigurationError, match=r"broken\.pem"):
        async with running(FakeService(), settings):
            pass


async def test_a_certificate_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    absent = tmp_path / "absent.pem"
    with pytest.raises(ConfigurationError, match=r"absent\.pem"):
        async with running(FakeService(), FakeSettings(tls_certificate=absent, tls_key=absent)):
            pass
    with pytest.raises(ConfigurationError, match=r"absent\.pem"):
        dial("127.0.0.1:1", authority=absent)


@pytest.mark.parametrize("missing", ["authority", "certificate", "key"])
def test_a_client_certificate_needs_its_key_and_an_authority(missing: str, tmp_path: Path) -> None:
    files = dict.fromkeys({"authority", "certificate", "key"} - {missing}, tmp_path)
    with pytest.raises(ConfigurationError, match="expected an authority, a certificate and its key"):
        dial("127.0.0.1:1", **files)
