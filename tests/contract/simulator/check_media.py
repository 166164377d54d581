"""Checks of 4.3 and 4.4: pulling, and what the probe makes of real files."""

import hashlib
from typing import Any

from tests.contract.simulator.box import Box
from tests.contract.simulator.clips import clip, open_shelf, photo, sound
from tests.contract.simulator.sheet import proves
from tests.eventually import eventually

FORMAT, SIZE = "file_format_check_failed", "picture_size_check_failed"


async def ready(box: Box) -> str:
    await box.turn(check_media=True, processing_s=0, limit_init=1000, limit_status=10_000, daily_post_cap=1000)
    return await box.token()


async def verdict(box: Box, token: str, publish_id: str) -> str:
    """The fail_reason, or the status when it did not fail."""

    async def ended() -> dict[str, Any]:
        data: dict[str, Any] = (await box.status(token, publish_id)).data
        assert not data["status"].startswith("PROCESSING"), data
        return data

    data = await eventually(ended, timeout=30)
    return str(data.get("fail_reason", data["status"]))


async def uploaded(box: Box, token: str, data: bytes) -> str:
    return await verdict(box, token, await box.upload(await box.init(token, size=len(data)), data))


@proves("3.5.06", "4.4.01")
async def formats_and_codecs_are_probed_after_the_upload(box: Box) -> None:
    token = await ready(box)
    films: dict[str, tuple[bytes, str]] = {
        "mp4 h264": (clip(), "PUBLISH_COMPLETE"),
        "mov h264": (clip(container="mov"), "PUBLISH_COMPLETE"),
        "mp4 h265": (clip(codec="libx265"), "PUBLISH_COMPLETE"),
        "webm vp9": (clip(codec="libvpx-vp9", container="webm"), "PUBLISH_COMPLETE"),
        "webm vp8": (clip(codec="libvpx", container="webm"), "PUBLISH_COMPLETE"),
        "mkv": (clip(container="matroska"), FORMAT),
        "avi": (clip(codec="mpeg4", container="avi"), FORMAT),
        "mp4 mpeg4": (clip(codec="mpeg4"), FORMAT),
        "junk": (b"junk" * 1000, FORMAT),
        "jpeg": (photo(400, 400), FORMAT),
        "truncated": (clip(seconds=3)[:-2000], FORMAT),
        "sound only": (sound(), FORMAT),
    }
    seen = {name: await uploaded(box, token, data) for name, (data, _) in films.items()}
    assert seen == {name: wanted for name, (_, wanted) in films.items()}


@proves("4.4.02", "4.4.03", "4.4.04")
async def sides_rates_and_durations_are_probed(box: Box) -> None:
    token = await ready(box)
    films: dict[str, tuple[bytes, str]] = {
        "360": (clip(size=(360, 360)), "PUBLISH_COMPLETE"),
        "358": (clip(size=(358, 640)), SIZE),
        "358 high": (clip(size=(640, 358)), SIZE),
        "4096": (clip(size=(4096, 360), fps=23), "PUBLISH_COMPLETE"),
        "4098": (clip(size=(4098, 360), fps=23), SIZE),
        "22 fps": (clip(fps=22), "frame_rate_check_failed"),
        "23 fps": (clip(fps=23), "PUBLISH_COMPLETE"),
        "60 fps": (clip(fps=60), "PUBLISH_COMPLETE"),
        "61 fps": (clip(fps=61), "frame_rate_check_failed"),
        "0.5 s": (clip(seconds=0.5), "duration_check_failed"),
        "3.2 s of 3": (clip(seconds=3.2), "duration_check_failed"),
    }
    await box.turn(video_max_s=3)
    seen = {name: await uploaded(box, token, data) for name, (data, _) in films.items()}
    assert seen == {name: wanted for name, (_, wanted) in films.items()}
    await box.turn(video_max_s=600)
    assert await uploaded(box, token, clip(seconds=3.2)) == "PUBLISH_COMPLETE"
    short = await box.token(max_video_s=2)
    assert await uploaded(box, short, clip(seconds=3.2)) == "duration_check_failed"


@proves("4.4.06", "4.4.07", "4.4.08", "4.4.09")
async def photos_are_probed_and_one_bad_one_fails_all(box: Box) -> None:
    token = await ready(box)
    big = photo(1080, 1920) + bytes(20_000_001 - len(photo(1080, 1920)))
    pictures: dict[str, tuple[bytes, str]] = {
        "jpeg": (photo(1080, 1920), "PUBLISH_COMPLETE"),
        "wide": (photo(1920, 1080), "PUBLISH_COMPLETE"),
        "webp": (photo(941, 1672, "WEBP"), "PUBLISH_COMPLETE"),
        "square": (photo(1254, 1254), SIZE),
        "portrait": (photo(1086, 1448), SIZE),
        "long": (photo(100, 1921), SIZE),
        "png": (photo(400, 400, "PNG"), FORMAT),
        "gif": (photo(400, 400, "GIF"), FORMAT),
        "exactly 20 MB": (big[:-1], "PUBLISH_COMPLETE"),
        "20 MB + 1": (big, FORMAT),
        "junk": (b"junk", FORMAT),
    }
    async with open_shelf() as shelf:

        async def posted(*urls: str) -> str:
            source = {"source": "PULL_FROM_URL", "photo_cover_index": 0, "photo_images": list(urls)}
            reply = await box.photos(token, source_info=source)
            return await verdict(box, token, reply.data["publish_id"])

        seen = {name: await posted(shelf.put(name, data)) for name, (data, _) in pictures.items()}
        assert seen == {name: wanted for name, (_, wanted) in pictures.items()}
        good, bad = shelf.put("good", photo(300, 300)), shelf.put("bad", photo(400, 400, "PNG"))
        assert await posted(*[good] * 34, bad) == FORMAT
        assert await posted(*[good] * 35) == "PUBLISH_COMPLETE"
        assert await posted(good, f"{shelf.url}/missing") == "photo_pull_failed"


@proves("3.5.01", "4.3.01")
async def a_pull_brings_the_very_bytes(box: Box) -> None:
    token = await ready(box)
    film = clip()
    async with open_shelf() as shelf:
        reply = await box.pull(token, shelf.put("film.mp4", film) + "?sig=a%20b&x=1")
        assert await verdict(box, token, reply.data["publish_id"]) == "PUBLISH_COMPLETE"
        assert shelf.asked == ["/film.mp4?sig=a%20b&x=1"] and shelf.agents == {"TikTok-Media-Simulator"}
    (media,) = (await box.publication(reply.data["publish_id"]))["media"]
    assert (media["sha256"], media["bytes"]) == (hashlib.sha256(film).hexdigest(), len(film))
    post_id = (await box.publication(reply.data["publish_id"]))["post_ids"][0]
    async with box.http.get(f"{box.url}/_sim/posts/{post_id}/media/0") as played:
        assert played.status == 200 and await played.read() == film


@proves("4.3.01", "4.3.03")
async def pull_urls_are_https_names_that_were_verified(box: Box) -> None:
    token = await box.token()
    await box.turn(limit_init=1000, daily_post_cap=1000, pull_delay_s=1000, pull_loopback="off")
    await box.sim("PUT", "apps/awsimkey01", {"verified_urls": ["example.com", "https://cdn.example.org/videos/"]})
    table = {
        "https://example.com/a.mp4": "ok",
        "https://media.example.com/a.mp4?sig=1": "ok",
        "https://EXAMPLE.com:8443/a": "ok",
        "https://cdn.example.org/videos/1/a.mp4": "ok",
        "https://cdn.example.org/videos": "url_ownership_unverified",
        "https://cdn.example.org/videos/../a.mp4": "url_ownership_unverified",
        "https://cdn.example.org/other/a.mp4": "url_ownership_unverified",
        "https://sub.cdn.example.org/videos/a": "url_ownership_unverified",
        "https://notexample.com/a.mp4": "url_ownership_unverified",
        "https://example.com.evil.example/a": "url_ownership_unverified",
        "http://example.com/a.mp4": "invalid_params",
        "https://93.184.216.34/a.mp4": "invalid_params",
        "https://[2606:2800:220::1]/a.mp4": "invalid_params",
        "https://127.0.0.1/a.mp4": "invalid_params",
        "https://user:pass@example.com/a.mp4": "invalid_params",
        "ftp://example.com/a.mp4": "invalid_params",
        "https:///a.mp4": "invalid_params",
        "a.mp4": "invalid_params",
    }
    seen = {url: await box.pull(token, url) for url in table}
    assert {url: reply.code for url, reply in seen.items()} == table
    statuses = {"ok": 200, "url_ownership_unverified": 403, "invalid_params": 400}
    assert all(reply.status == statuses[reply.code] for reply in seen.values())


@proves("4.3.03")
async def a_prefix_is_verified_by_its_signature_file(box: Box) -> None:
    await box.turn(pull_loopback="allowed", pull_delay_s=1000)
    token = await box.token()
    async with open_shelf() as shelf:
        wanted = {"url_prefix": f"{shelf.url}/pull/"}
        assert (await box.pull(token, f"{shelf.url}/pull/a.mp4")).code == "url_ownership_unverified"
        claim = await box.sim("POST", "apps/awsimkey01/properties", wanted)
        assert (await box.sim("POST", "apps/awsimkey01/properties/verify", wanted))["verified"] is False
        shelf.put(f"pull/{claim['file_name']}", (claim["content"] + "\n").encode())
        assert (await box.sim("POST", "apps/awsimkey01/properties/verify", wanted)) == {"verified": True}
        assert (await box.pull(token, f"{shelf.url}/pull/a.mp4")).code == "ok"
        assert (await box.pull(token, f"{shelf.url}/a.mp4")).code == "url_ownership_unverified"


@proves("4.3.02")
async def redirects_fail_the_pull(box: Box) -> None:
    token = await ready(box)
    async with open_shelf() as shelf:
        shelf.moved["old.mp4"] = shelf.put("new.mp4", clip())
        for name in ("old.mp4", "none.mp4"):
            reply = await box.pull(token, f"{shelf.url}/{name}")
            assert await verdict(box, token, reply.data["publish_id"]) == "video_pull_failed"
        assert shelf.asked == ["/old.mp4", "/none.mp4"]


@proves("4.3.04", "4.3.05")
async def a_pull_has_an_hour_and_may_be_tried_again(box: Box) -> None:
    token = await ready(box)
    await box.turn(pull_attempts=3, pull_retry_s=1200)
    async with open_shelf() as shelf:
        reply = await box.pull(token, f"{shelf.url}/late.mp4")
        publish_id = reply.data["publish_id"]

        async def tried(times: int) -> None:
            async def enough() -> bool:
                history = (await box.publication(publish_id))["history"]
                return sum("failed" in entry["what"] for entry in history) >= times

            await eventually(enough)

        await tried(1)
        box.advance(1200)
        await tried(2)
        shelf.put("late.mp4", clip())
        box.advance(1200)
        assert await verdict(box, token, publish_id) == "PUBLISH_COMPLETE"

        await box.turn(pull_attempts=100, pull_retry_s=1000)
        publish_id = (await box.pull(token, f"{shelf.url}/never.mp4")).data["publish_id"]
        await tried(1)
        box.advance(3599)
        assert (await box.status(token, publish_id)).data["status"] == "PROCESSING_DOWNLOAD"
        box.advance(1)
        assert (await box.status(token, publish_id)).data == {"status": "FAILED", "fail_reason": "video_pull_failed"}
