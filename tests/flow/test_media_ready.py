"""Media that would break a rule are converted before TikTok is asked, once; what cannot be mended is never sent."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import av
import pytest
import pytest_asyncio
from aiohttp import web
from flow_house import Guest, Stage, open_stage
from PIL import Image

from libs.media.folder import FolderStorage
from libs.media.workers import Workers
from libs.model.ids import new_id
from libs.model.post import Note
from libs.runtime.web import HttpServer
from libs.store.media import Media
from services.publisher.ageing import Ageing
from services.publisher.ready import Elsewhere, Readier, Ready

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a customer's server holds: a film TikTok does not take, one too short, one it takes, and a picture."""
    folder = tmp_path_factory.mktemp("files")
    for name, codec, rate, frames in (
        ("old.avi", "mpeg4", 5, 15),
        ("short.avi", "mpeg4", 5, 5),
        ("done.mp4", "libx264", 25, 75),
    ):
        with av.open(str(folder / name), "w") as film:
            pictures = film.add_stream(codec, rate=rate)
            pictures.width, pictures.height, pictures.pix_fmt = 360, 360, "yuv420p"
            for number in range(frames):
                frame = av.VideoFrame.from_image(Image.new("RGB", (360, 360), (3 * number, 0, 0)))
                frame.pts = number
                film.mux(pictures.encode(frame))
            film.mux(pictures.encode(None))
    Image.new("RGB", (360, 360), "blue").save(folder / "cover.png")
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """TikTok looks into what it gets."""
    folder = tmp_path_factory.mktemp("house")
    async with open_stage(module_database_url, folder, knobs="check_media=true") as stage:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(files: Path) -> AsyncIterator[str]:
    """The customer's file server."""
    app = web.Application()
    app.router.add_static("/", files)
    server = HttpServer(app, host="127.0.0.1", port=0)
    await server.start()
    yield server.url
    await server.stop()


async def kept(stage: Stage, guest: Guest, file: Path) -> str:
    """The id of an uploaded file."""
    headers = {"Content-Type": "application/octet-stream"}
    path = f"media?customer_id={guest.customer_id}"
    made = await stage.api("POST", path, content=file.read_bytes(), headers=headers)
    return str(made["id"])


async def notes(stage: Stage, post: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    lines = (await stage.api("GET", f"posts/{post['id']}/timeline"))["data"]
    return [line["detail"] for line in lines if line["kind"] == kind]


@pytest.mark.row("SS-48")
async def test_a_film_tiktok_does_not_take_goes_out_converted_with_its_cover_as_the_first_moment(
    stage: Stage, guest: Guest, served: str
) -> None:
    post = await guest.published(media=[f"{served}/old.avi"], cover=f"{served}/cover.png")

    [publication] = await stage.publications(guest)
    assert publication["post_info"]["video_cover_timestamp_ms"] == 100
    made = await stage.api("GET", f"media/{post['media_id']}")
    assert publication["media"][0]["sha256"] == made["sha256"]
    assert (made["content_type"], made["probe"]["codec"], made["probe"]["frames"]) == ("video/mp4", "h264", 80)
    [ready] = await notes(stage, post, "media.ready")
    assert {"container", "codec"} <= set(ready["changes"])
    assert (await notes(stage, post, "media.converting"))[0]["why"] == ["container", "codec", "frame_rate", "cover"]
    await stage.quiet()  # the post may be out before its customer was told of the file
    told = [item["json"]["data"] for item in await guest.inbox("media.ready")]
    assert [(data["media_id"], data["post_id"]) for data in told] == [(made["id"], post["id"])]


async def test_posts_of_one_film_share_one_conversion(stage: Stage, guest: Guest, files: Path) -> None:
    film = await kept(stage, guest, files / "old.avi")

    posts = await asyncio.gather(*(guest.post(media=[film]) for _ in range(3)))
    await stage.quiet()
    await stage.advance(31)
    done = [await stage.until(post["id"], "published") for post in posts]

    assert len({post["media_id"] for post in done}) == 1
    row = await stage.row("select count(*) from media where made_from = $1", film)
    assert row["count"] == 1
    assert len({one["media"][0]["sha256"] for one in await stage.publications(guest)}) == 1


@pytest.mark.row("SA-66")
async def test_what_cannot_be_mended_is_refused_at_the_door_with_its_field(
    stage: Stage, guest: Guest, files: Path
) -> None:
    short, old = await kept(stage, guest, files / "short.avi"), await kept(stage, guest, files / "old.avi")
    image = await kept(stage, guest, files / "cover.png")

    refused = [
        await guest.post(media=[short], status=422),
        await guest.post(media=[old], convert="never", status=422),
        await guest.post(media=[image], status=422),
        await guest.post(media=[old], cover=old, status=422),
    ]

    fields = [[error["field"] for error in problem["errors"]] for problem in refused]
    assert fields == [
        ["media.0.duration"],
        ["media.0.container", "media.0.codec", "media.0.frame_rate"],
        ["media.0.kind"],
        ["cover"],
    ]


@pytest.mark.row("SA-66", "PP-56")
@pytest.mark.parametrize(
    ("file", "asked", "field"),
    [
        ("short.avi", {}, "media.0.duration"),
        ("old.avi", {"convert": "never"}, "media.0.container"),
        ("cover.png", {}, "media.0.kind"),
        ("gone.mp4", {}, "media.0"),
    ],
)
async def test_a_file_by_url_is_refused_before_init_and_that_is_told(
    file: str, asked: dict[str, Any], field: str, stage: Stage, guest: Guest, served: str
) -> None:
    post = await stage.until((await guest.post(media=[f"{served}/{file}"], **asked))["id"], "failed")

    assert post["problem"]["stage"] == "media"
    assert post["problem"]["errors"][0]["field"] == field
    await stage.quiet()
    [told] = await guest.inbox("media.failed")
    assert told["json"]["data"]["problem"]["errors"][0]["field"] == field
    assert await stage.publications(guest) == []


async def test_what_a_dead_maker_kept_is_found_and_not_made_again(stage: Stage, guest: Guest, files: Path) -> None:
    old, done = await kept(stage, guest, files / "old.avi"), files / "done.mp4"
    await stage.house.store.renditions.claim(old, "video", now=stage.now, lease=stage.now + timedelta(seconds=60))
    (stage.folder / "media" / guest.customer_id / f"{old}.video.1").write_bytes(done.read_bytes())

    post = await guest.post(media=[old])
    await stage.waits(post["id"], "queued", after="waiting")
    assert await stage.publications(guest) == []
    await stage.advance(61)

    await stage.until(post["id"], "published")
    [publication] = await stage.publications(guest)
    assert publication["media"][0]["sha256"] == hashlib.sha256(done.read_bytes()).hexdigest()
    [ready] = await notes(stage, post, "media.ready")
    assert (ready["made_from"], "codec" in ready["changes"]) == (old, True)


async def test_bytes_that_no_row_names_leave_and_those_of_rows_stay(stage: Stage, guest: Guest, files: Path) -> None:
    film = await kept(stage, guest, files / "old.avi")
    folder = stage.folder / "media" / guest.customer_id
    lost, young, strange = folder / new_id("med", stage.now), folder / new_id("med", stage.now), folder / "notes.txt"
    for path in (lost, young, strange):
        path.write_bytes(b"x")
    long_ago = (stage.now - timedelta(days=2)).timestamp()
    for path in (lost, strange, folder / film):
        os.utime(path, (long_ago, long_ago))
    os.utime(young, (stage.now.timestamp(), stage.now.timestamp()))
    storage = FolderStorage(stage.folder / "media")
    week = timedelta(days=7)
    ageing = Ageing(stage.house.store, storage, now=lambda: stage.now, keep_used=week, keep_unused=week)

    assert await ageing.sweep_orphans() == 1

    assert [path.exists() for path in (lost, young, strange, folder / film)] == [False, True, True, True]
    await storage.close()


async def test_a_file_nobody_posts_leaves_with_its_bytes(stage: Stage, guest: Guest, files: Path) -> None:
    film = await kept(stage, guest, files / "old.avi")
    storage = FolderStorage(stage.folder / "media")
    later = stage.now + timedelta(days=31)
    month = timedelta(days=30)
    ageing = Ageing(stage.house.store, storage, now=lambda: later, keep_used=month, keep_unused=month)

    while await ageing.sweep():
        continue

    assert not (stage.folder / "media" / guest.customer_id / film).exists()
    assert (await stage.api("GET", f"media/{film}"))["state"] == "expired"
    refused = await guest.post(media=[film], status=422)
    assert [error["field"] for error in refused["errors"]] == ["media.0"]
    await storage.close()


async def test_a_film_that_finds_every_converter_taken_waits_and_claims_nothing(
    stage: Stage, guest: Guest, files: Path
) -> None:
    store, storage = stage.house.store, FolderStorage(stage.folder / "media")
    films = [await store.media.get(await kept(stage, guest, files / "old.avi"), customer_id=None) for _ in range(2)]
    claimed, go = asyncio.Event(), asyncio.Event()

    async def tell(note: Note) -> None:
        claimed.set()
        await go.wait()

    async with Workers() as workers, Workers(size=1) as converters:
        readier = Readier(
            store,
            storage,
            workers=workers,
            converters=converters,
            at_once=1,
            now=lambda: stage.now,
            lease=timedelta(minutes=1),
        )

        def make(film: Media | None) -> Coroutine[Any, Any, Ready | Elsewhere]:
            assert film is not None
            return readier.ready(film, kind="video", field="media.0", convert=True, tell=tell)

        first = asyncio.create_task(make(films[0]))
        await claimed.wait()
        second = await make(films[1])
        go.set()

        assert isinstance(second, Elsewhere) and second.until > stage.now
        assert films[1] is not None and await store.renditions.get(films[1].id, "video") is None
        assert isinstance(await first, Ready)
        assert isinstance(await make(films[1]), Ready), "there is room again"
    await storage.close()
