"""Both stores under one suite: a folder, and S3 as spoken by a moto server in its own process."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from media_place import Place

from deploy.process import free_port
from libs.media.storage import open_storage

MOTO_START_S = 30


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    port = free_port()  # not one of those the system hands out: it takes seconds until somebody listens there
    moto_server = Path(sys.executable).with_name("moto_server")
    server = subprocess.Popen(
        [str(moto_server), "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_listening(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def _wait_until_listening(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + MOTO_START_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)  # the one wait that cannot be an event: another program's start
    raise RuntimeError("the S3 server did not start")


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1")
    yield client
    client.close()


@pytest.fixture
def folder_place(tmp_path: Path) -> Place:
    root = tmp_path / "media with space"
    media_url = root.as_uri()

    def files(*, hidden: bool) -> set[str]:
        found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
        return {str(path) for path in found if path.parts[0].startswith(".") is hidden}

    return Place(
        storage=open_storage(media_url),
        media_url=media_url,
        keys=lambda: files(hidden=False),
        leftovers=lambda: sorted(files(hidden=True)),
        take_away=lambda: shutil.rmtree(root),
    )


@pytest.fixture
def bucket_place(s3: Any, s3_endpoint: str, tmp_path: Path) -> Place:
    bucket, prefix = f"media-{uuid4().hex}", "some/where"
    s3.create_bucket(Bucket=bucket)
    media_url = f"s3://{bucket}/{prefix}?endpoint={s3_endpoint}"

    def keys() -> set[str]:
        objects = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {entry["Key"].removeprefix(f"{prefix}/") for entry in objects}

    def leftovers() -> list[str]:
        uploads = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        return [upload["Key"] for upload in uploads] + [path.name for path in tmp_path.iterdir()]

    return Place(
        storage=open_storage(media_url, scratch=tmp_path),
        media_url=media_url,
        keys=keys,
        leftovers=leftovers,
        take_away=lambda: s3.delete_bucket(Bucket=bucket),
    )


@pytest.fixture(params=["folder", "bucket"])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    place: Place = request.getfixturevalue(f"{request.param}_place")
    yield place
    await place.storage.close()
