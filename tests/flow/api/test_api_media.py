"""Bytes through the door: kept whole with what they are, or not at all."""

import asyncio
import hashlib
import io
import resource
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import av
import pytest
from api_house import House, body_of, open_house
from PIL import Image

from libs.media.errors import StorageFailed, StorageFull
from libs.media.folder import FolderStorage
from libs.media.port import Stored
from libs.media.workers import Workers
from libs.store.errors import Unavailable
from libs.store.media import Media, MediaFiles
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")
MP4 = {"Content-Type": "video/mp4"}


@pytest.fixture(scope="module")
def mp4(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Three seconds of grey."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 360, 640, "yuv420p"
        for number in range(75):
            frame = av.VideoFrame(360, 640, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([16 + number]) * plane.buffer_size)
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path.read_bytes()


def kept(house: House) -> list[Path]:
    """Every file under the media folder, half-written ones included."""
    return [path for path in house.media_folder.rglob("*") if path.is_file()]


async def slowly(data: bytes, *, piece: int = 1000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), piece):
        yield data[at : at + piece]
        await asyncio.sleep(0)


async def test_a_video_is_kept_byte_for_byte_and_looked_into(house: House, mp4: bytes) -> None:
    customer = await house.customer()
    key = await house.key(customer)

    response = await house.post("/v1/media", key=key, content=mp4, headers=MP4)

    assert response.status_code == 201
    media = response.json()
    assert (media["customer_id"], media["state"], media["size"]) == (customer, "ready", len(mp4))
    assert media["sha256"] == hashlib.sha256(mp4).hexdigest()
    assert (media["content_type"], media["probe"]["codec"]) == ("video/mp4", "h264")
    assert (media["probe"]["width"], media["probe"]["height"], media["probe"]["duration_ms"]) == (360, 640, 3000)
    assert (house.media_folder / customer / media["id"]).read_bytes() == mp4
    assert (await house.get(f"/v1/media/{media['id']}", key=key)).json() == media
    assert (await house.get("/v1/media", key=key)).json() == {"data": [media], "next_cursor": None}


async def test_a_video_may_come_in_chunks_without_a_length_and_without_a_telling_type(house: House, mp4: bytes) -> None:
    key = await house.key(await house.customer())

    response = await house.post(
        "/v1/media", key=key, content=slowly(mp4), headers={"Content-Type": "application/octet-stream"}
    )

    assert response.status_code == 201
    assert response.json()["sha256"] == hashlib.sha256(mp4).hexdigest()


@pytest.mark.row("SA-47")
async def test_a_video_may_come_as_the_file_of_a_form(house: House, mp4: bytes) -> None:
    customer = await house.customer()

    response = await house.post(f"/v1/media?customer_id={customer}", files={"file": ("clip.mp4", io.BytesIO(mp4))})

    assert response.status_code == 201
    assert response.json()["sha256"] == hashlib.sha256(mp4).hexdigest()
    assert response.json()["customer_id"] == customer


@pytest.mark.row("SA-41")
async def test_a_reached_quota_refuses_before_a_byte_is_read_and_says_what_is_kept(house: House, mp4: bytes) -> None:
    customer = await house.customer()
    key = await house.key(customer)
    most = len(mp4) + 5000
    changed = await house.call(
        "PATCH", f"/v1/customers/{customer}", body={"media_bytes_max": most, "media_files_max": 2}
    )
    assert changed.status_code == 200
    await house.make(f"/v1/media?customer_id={customer}", content=mp4, headers=MP4)
    before = kept(house)

    announced = await house.raw(
        f"POST /v1/media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: video/mp4\r\n"
        f"Content-Length: {most}\r\nExpect: 100-continue\r\n\r\n".encode()
    )
    unannounced = await house.post("/v1/media", key=key, content=slowly(mp4 * 3), headers=MP4)

    assert announced.startswith(b"HTTP/1.1 413 "), "not even 100 Continue"
    for problem in (body_of(announced), unannounced.json()):
        assert problem["code"] == "media_quota_reached"
        [error] = problem["errors"]
        assert (error["field"], error["code"], error["limit"]) == ("file", "quota_bytes", most)
        assert error["found"] == len(mp4)
    assert kept(house) == before
    shown = (await house.get(f"/v1/customers/{customer}")).json()
    assert (shown["media_bytes"], shown["media_files"], shown["media_files_max"]) == (len(mp4), 1, 2)


@pytest.mark.row("SA-30", "SA-33")
async def test_an_uploaded_video_can_be_posted(house: House, mp4: bytes) -> None:
    customer = await house.customer()
    account = await house.account(customer)
    media = await house.make(f"/v1/media?customer_id={customer}", content=mp4, headers=MP4)

    post = await house.make(
        "/v1/posts", {"account_id": account, "kind": "video", "media": [media["id"]], "privacy_level": "SELF_ONLY"}
    )

    assert (post["state"], post["media_id"]) == ("queued", media["id"])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"this is no video, whatever its type says", "unknown_format"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "corrupt"),
        (b"cut", "unknown_format"),
    ],
)
async def test_what_is_no_video_is_refused_by_name_and_nothing_of_it_kept(
    house: House, content: bytes, code: str
) -> None:
    key, before = await house.key(await house.customer()), kept(house)

    response = await house.post("/v1/media", key=key, content=content, headers=MP4)

    assert response.status_code == 422
    problem = response.json()
    assert problem["code"] == "unusable_media"
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [("file", code)]
    assert kept(house) == before
    assert (await house.get("/v1/media", key=key)).json()["data"] == []


async def test_a_video_whose_index_is_cut_off_is_refused(house: House, mp4: bytes) -> None:
    key = await house.key(await house.customer())

    response = await house.post("/v1/media", key=key, content=mp4[: len(mp4) // 2], headers=MP4)

    assert response.status_code == 422
    assert response.json()["errors"][0]["code"] in ("truncated", "corrupt")


@pytest.mark.parametrize("kind", ["image/png", "video/mp4", "application/octet-stream"])
async def test_a_photo_is_kept_too_and_known_by_its_content(house: House, kind: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (400, 300), "red").save(file, "jpeg")
    key = await house.key(await house.customer())

    response = await house.post("/v1/media", key=key, content=file.getvalue(), headers={"Content-Type": kind})

    assert response.status_code == 201
    made = response.json()
    assert (made["content_type"], made["probe"]["width"], made["probe"]["height"]) == ("image/jpeg", 400, 300)


@pytest.mark.parametrize("kind", ["audio/mpeg", "text/json", "text/plain", "multipart/mixed; boundary=x", ""])
async def test_a_body_of_another_kind_is_415(house: House, kind: str) -> None:
    key = await house.key(await house.customer())

    response = await house.post("/v1/media", key=key, content=b"{}", headers={"Content-Type": kind})

    assert response.status_code in (415, 422) if kind == "" else response.status_code == 415


async def test_a_compressed_body_is_415(house: House, mp4: bytes) -> None:
    key = await house.key(await house.customer())

    response = await house.post("/v1/media", key=key, content=mp4, headers=MP4 | {"Content-Encoding": "gzip"})

    assert response.status_code == 415


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"files": {"video": b"x"}}, 422),
        ({"files": {"file": b"x"}, "data": {"customer_id": "x"}}, 422),
        ({"files": [("file", b"x"), ("file", b"y")]}, 422),
        ({"content": b"", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400),
        ({"content": b"junk", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400),
        ({"content": b"--x\r\njunk\r\n\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400),
        ({"content": b"--x\r\n\r\nx\r\n--x--", "headers": {"Content-Type": "multipart/form-data"}}, 400),
        (
            {
                "content": b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nno end',
                "headers": {"Content-Type": "multipart/form-data; boundary=x"},
            },
            400,
        ),
        (
            {
                "content": b'--x\r\nContent-Disposition: form-data; name="file"\r\n'
                b"Content-Transfer-Encoding: base64\r\n\r\neA==\r\n--x--\r\n",
                "headers": {"Content-Type": "multipart/form-data; boundary=x"},
            },
            422,
        ),
        (
            {
                "content": b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y--\r\n--x--\r\n",
                "headers": {"Content-Type": "multipart/form-data; boundary=x"},
            },
            422,
        ),
    ],
)
async def test_a_form_that_is_not_one_file_is_refused_and_nothing_of_it_kept(
    house: House, form: dict[str, Any], status: int
) -> None:
    key, before = await house.key(await house.customer()), kept(house)

    response = await house.post("/v1/media", key=key, **form)

    assert response.status_code == status, response.text
    assert kept(house) == before


async def test_an_operator_has_to_say_whose_file_it_is(house: House, mp4: bytes) -> None:
    response = await house.post("/v1/media", content=mp4, headers=MP4)

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "customer_id"


async def test_a_file_that_is_too_large_is_413_by_its_announcement_and_by_its_bytes(
    database_url: str, tmp_path: Path, mp4: bytes
) -> None:
    async with open_house(database_url, tmp_path, MEDIA_MAX_BYTES=str(len(mp4) - 1)) as house:
        key = await house.key(await house.customer())
        answers = [
            await house.post("/v1/media", key=key, content=mp4, headers=MP4),
            await house.post("/v1/media", key=key, content=slowly(mp4), headers=MP4),
            await house.post("/v1/media", key=key, files={"file": io.BytesIO(mp4)}),
        ]

        assert [answer.status_code for answer in answers] == [413] * 3
        assert {answer.json()["code"] for answer in answers} == {"too_large"}
        assert kept(house) == []


async def test_nobody_is_asked_for_a_body_before_the_key_was_looked_at(house: House, mp4: bytes) -> None:
    head = f"POST /v1/media HTTP/1.1\r\nHost: x\r\nContent-Type: video/mp4\r\nContent-Length: {len(mp4)}\r\n"
    expects = "Expect: 100-continue\r\nConnection: close\r\n"
    key = await house.key(await house.customer())

    stranger = await house.raw(f"{head}{expects}\r\n".encode())
    known = await house.raw(f"{head}{expects}Authorization: Bearer {key}\r\n\r\n".encode() + mp4)

    assert stranger.startswith(b"HTTP/1.1 401 ")
    assert known.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ")
    assert body_of(known)["size"] == len(mp4)


async def broken_off(house: House) -> float:
    """How many uploads have ended because they could not be read to their end."""
    name = 'clipwire_api_request_seconds_count{method="POST",route="/v1/media",status="400"} '
    lines = (await house.http.get("/metrics")).text.splitlines()
    return next((float(line.removeprefix(name)) for line in lines if line.startswith(name)), 0.0)


async def test_a_client_that_hangs_up_leaves_nothing(house: House, mp4: bytes) -> None:
    key, before = await house.key(await house.customer()), kept(house)
    ended = await broken_off(house)
    head = f"POST /v1/media HTTP/1.1\r\nHost: x\r\nContent-Type: video/mp4\r\nContent-Length: {len(mp4)}\r\n"

    await house.raw(f"{head}Authorization: Bearer {key}\r\n\r\n".encode() + mp4[: len(mp4) // 2], hang_up=True)

    async def noticed() -> bool:  # the connection ends before the upload does, or even begins
        return await broken_off(house) == ended + 1

    await eventually(noticed)
    assert kept(house) == before
    assert (await house.get("/v1/media", key=key)).json()["data"] == []


class BrokenStorage(FolderStorage):
    """Fails at the end of an upload, each time with the next error."""

    def __init__(self, root: Path, *errors: Exception) -> None:
        super().__init__(root)
        self._errors = list(errors)

    async def put(self, key: str, chunks: AsyncIterable[bytes], **more: Any) -> Stored:
        async for _ in chunks:
            pass
        raise self._errors.pop(0)


async def test_a_store_that_cannot_keep_it_is_said_without_its_words(
    database_url: str, tmp_path: Path, mp4: bytes
) -> None:
    errors = StorageFull(free_bytes=1, needed_bytes=2), StorageFailed("disk on fire at /srv/secret/path")
    async with open_house(database_url, tmp_path, storage=BrokenStorage(tmp_path / "media", *errors)) as house:
        house.faults = True
        key = await house.key(await house.customer())

        answers = [await house.post("/v1/media", key=key, content=mp4, headers=MP4) for _ in errors]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (507, "media_store_full"),
        (503, "media_store_failed"),
    ]
    assert "secret" not in "".join(answer.text for answer in answers)


@pytest.mark.waits_long
async def test_a_full_disk_refuses_before_a_byte_is_read(database_url: str, tmp_path: Path) -> None:
    full = f"{(tmp_path / 'media').as_uri()}?keep_free_bytes={10**18}"
    async with open_house(database_url, tmp_path, MEDIA_URL=full) as house:
        house.faults = True
        key = await house.key(await house.customer())

        for length in ("Content-Length: 5000000", "Transfer-Encoding: chunked"):
            said = await house.raw(
                f"POST /v1/media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: video/mp4\r\n"
                f"{length}\r\nExpect: 100-continue\r\n\r\n".encode()
            )
            assert said.startswith(b"HTTP/1.1 507 "), "not even 100 Continue"
            assert body_of(said)["code"] == "media_store_full"


async def test_when_no_worker_is_free_to_look_it_is_503_and_nothing_kept(
    database_url: str, tmp_path: Path, mp4: bytes
) -> None:
    async with open_house(database_url, tmp_path, workers=Workers(size=0, wait_s=0.01)) as house:
        house.faults = True
        key = await house.key(await house.customer())

        response = await house.post("/v1/media", key=key, content=mp4, headers=MP4)

        assert (response.status_code, response.json()["code"]) == (503, "media_busy")
        assert response.headers["Retry-After"] == "10"
        assert kept(house) == []


async def test_bytes_that_certainly_have_no_row_are_deleted(own_house: House, database_url: str, mp4: bytes) -> None:
    own_house.faults = True
    key = await own_house.key(await own_house.customer())
    connection = await asyncpg.connect(database_url)
    refuse = "create or replace function refuse() returns trigger language plpgsql as $$ begin {} end $$"
    seen = []

    for sqlstate in ("22000", "XX000", "57P01"):
        await connection.execute(refuse.format(f"raise exception 'no secret' using errcode = '{sqlstate}';"))
        await connection.execute("create or replace trigger refuse before insert on media execute function refuse()")
        response = await own_house.post("/v1/media", key=key, content=mp4, headers=MP4)
        assert "secret" not in response.text
        seen.append((response.status_code, len(kept(own_house))))
    await connection.close()

    # 57P01 is how a database goes away: nobody knows what became of the row, so the bytes stay.
    assert seen == [(422, 0), (500, 0), (503, 1)]


class LostReply:
    """Commits, and the reply gets lost."""

    def __init__(self, real: MediaFiles, *, times: int) -> None:
        self._real = real
        self._times = times
        self.get, self.page, self.usage = real.get, real.page, real.usage

    async def create(self, **row: Any) -> Media:
        made = await self._real.create(**row)
        self._times -= 1
        if self._times >= 0:
            raise Unavailable("the connection was lost")
        return made


async def test_a_lost_reply_is_cleared_up_and_never_costs_a_row_its_bytes(own_house: House, mp4: bytes) -> None:
    own_house.faults = True
    key = await own_house.key(await own_house.customer())
    real = own_house.store.media

    for times, status in ((1, 201), (2, 503)):
        own_house.store.media = LostReply(real, times=times)  # type: ignore[assignment]
        response = await own_house.post("/v1/media", key=key, content=mp4, headers=MP4)
        assert response.status_code == status

    rows = (await own_house.get("/v1/media", key=key)).json()["data"]
    assert len(rows) == 2
    for media in rows:
        assert (own_house.media_folder / media["customer_id"] / media["id"]).read_bytes() == mp4


async def test_a_large_upload_is_streamed(house: House, mp4: bytes) -> None:
    key = await house.key(await house.customer())
    padding = (1 << 20).to_bytes(4, "big") + b"free" + bytes((1 << 20) - 8)  # a box to be skipped

    async def large() -> AsyncIterator[bytes]:
        yield mp4
        for _ in range(120):
            yield padding

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    response = await house.post("/v1/media", key=key, content=large(), headers=MP4)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024

    assert response.status_code == 201, response.text
    assert response.json()["size"] == len(mp4) + 120 * len(padding)
    assert grown_mb < 40


async def test_a_form_may_be_larger_than_any_json_body(house: House, mp4: bytes) -> None:
    key = await house.key(await house.customer())
    padding = (1 << 20).to_bytes(4, "big") + b"free" + bytes((1 << 20) - 8)

    response = await house.post("/v1/media", key=key, files={"file": io.BytesIO(mp4 + padding * 5)})

    assert response.status_code == 201, response.text
    assert response.json()["sha256"] == hashlib.sha256(mp4 + padding * 5).hexdigest()
