"""Media that would break a rule are converted before TikTok is asked, once; what cannot be mended is never sent."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import av
import pytest
import pytest_asyncio
from aiohttp import web
from flow_house import Guest, Stage, open_stage
from PIL import Image

from libs.runtime.web import HttpServer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a customer's server holds: a film TikTok does not take, one too short, and a picture."""
    folder = tmp_path_factory.mktemp("files")
    for name, frames in (("old.avi", 15), ("short.avi", 5)):
        with av.open(str(folder / name), "w", format="avi") as film:
            pictures = film.add_stream("mpeg4", rate=5)
            pictures.width, pictures.height, pictures.pix_fmt = 360, 360, "yuv420p"
            for number in range(frames):
                frame = av.VideoFrame.from_image(Image.new("RGB", (360, 360), (10 * number, 0, 0)))
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
    told = [item["json"]["data"] for item in await guest.inbox("media.ready")]
    assert [(data["media_id"], data["post_id"]) for data in told] == [(made["id"], post["id"])]


async def test_posts_of_one_film_share_one_conversion(stage: Stage, guest: Guest, files: Path) -> None:
    film = await kept(stage, guest, files / "old.avi")

    posts = await asyncio.gather(*(guest.post(media=[film]) for _ in range(3)))
    await stage.quiet()
    await stage.advance(11)
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
