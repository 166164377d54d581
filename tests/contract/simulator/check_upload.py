"""Checks of 4.1 and 4.2: chunk plans and chunk PUTs. The whole law is enumerated in test_simulator_chunk_law.py."""

from typing import Any

from tests.contract.simulator.box import CHUNK, Box, Reply, chunked, whole
from tests.contract.simulator.sheet import proves


async def planned(box: Box, token: str, source: Any) -> Reply:
    box.advance(11)
    body = {"post_info": {"privacy_level": "SELF_ONLY"}, "source_info": source}
    return await box.post("post/publish/video/init/", token, body)


@proves("4.1.01", "4.1.02", "4.1.03", "4.1.04", "4.1.05", "4.1.06", "4.1.07", "4.1.08", "4.4.05")
async def plans_are_judged_as_seen_in_the_wild(box: Box) -> None:
    await box.turn(daily_post_cap=1000)
    token = await box.token()
    for good in (
        chunked(50_000_123, 10_000_000, 5),
        whole(1),
        whole(5_000_000),
        whole(30_567_100),
        whole(64_000_000),
        chunked(158_008_374, 5_242_880, 30),
        chunked(64_000_001, 32_000_000, 2),
        chunked(4 << 30, 32_000_000, 134),
        chunked(127_999_999, 63_999_999, 2),
    ):  # fmt: skip
        assert (await planned(box, token, good)).status == 200, good
    count, size = "The total chunk count is invalid", "The chunk size is invalid"
    for bad, words in (
        (chunked(50_000_123, 10_000_000, 6), count),
        (chunked(12_000_000, 10_000_000, 2), count),
        (chunked(12_000_000, 10_000_000, 1), size),
        (whole(66_259_900), size),
        (whole(158_008_374), size),
        (whole(64_000_001), size),
        (chunked(20_000_000, 5_000_000, 4), size),
        (chunked(200_000_000, 65_000_000, 3), size),
        (chunked(4_000_000, 2_000_000, 2), size),
        (chunked(50_000_000, 10_000_000, 0), count),
        (chunked((4 << 30) + 1, 32_000_000, 134), "The video size is invalid"),
    ):
        reply = await planned(box, token, bad)
        assert (reply.status, reply.code, reply.message) == (400, "invalid_params", words), bad


@proves("4.2.01", "4.2.02", "4.2.03", "4.2.11", "3.5.04")
async def chunks_are_taken_one_after_the_other(box: Box) -> None:
    token = await box.token()
    size = CHUNK * 2 + 77
    reply = await planned(box, token, chunked(size, CHUNK, 2))
    url, data = reply.data["upload_url"], bytes(range(256)) * (size // 256 + 1)
    first = await box.put(url, data[:CHUNK], total=size, Authorization=f"Bearer {token}")
    assert (first.status, first.headers["Content-Range"]) == (206, f"bytes 0-{CHUNK}/{size}")
    assert (await box.status(token, reply.data["publish_id"])).data["uploaded_bytes"] == CHUNK
    last = await box.put(url, data[CHUNK:size], first=CHUNK, total=size, Content_Type="video/quicktime")
    assert (last.status, last.headers["Content-Range"]) == (201, f"bytes 0-{size}/{size}")
    single = await planned(box, token, whole(1000))
    assert (await box.put(single.data["upload_url"], b"x" * 1000, Content_Type="video/webm")).status == 201


@proves("4.2.04")
async def bad_headers_and_sizes_are_400(box: Box) -> None:
    token, size = await box.token(), CHUNK * 2 + 77
    url = (await planned(box, token, chunked(size, CHUNK, 2))).data["upload_url"]
    data = b"x" * CHUNK
    for headers in (
        {"Content_Range": "bytes=0-5/6"},
        {"Content_Range": f"bytes 0-{CHUNK - 1}/*"},
        {"Content_Range": f"bytes 0-{CHUNK - 1}/{size + 1}"},
        {"Content_Range": f"bytes 0-{CHUNK}/{size}"},
        {"Content_Range": f"bytes 5-1/{size}"},
        {"Content_Type": "application/octet-stream"},
        {"Content_Type": "image/jpeg"},
    ):
        refused = await box.put(url, data, total=size, **headers)
        assert (refused.status, refused.text) == (400, ""), headers
    for part in (data[:-1], data + b"x", data[:1]):
        assert (await box.put(url, part, total=size)).status == 400
    assert (await box.put(url, data, total=size)).status == 206


@proves("4.2.05", "3.2.08")
async def an_upload_url_lives_one_hour(box: Box) -> None:
    token = await box.token()
    url = (await planned(box, token, whole(1000))).data["upload_url"]
    box.advance(3599)
    assert (await box.put(url, b"x" * 999)).status == 400
    box.advance(1)
    assert (await box.put(url, b"x" * 1000)).status == 403


@proves("4.2.06", "4.2.10")
async def unknown_tasks_and_paths_of_the_upload_host(box: Box) -> None:
    token = await box.token()
    url = (await planned(box, token, whole(1000))).data["upload_url"]
    for wrong in (url[:-1] + "!", url.replace("upload_id=", "upload_id=9"), f"{box.url}/upload"):
        assert (await box.put(wrong, b"x" * 1000)).status == 404
    assert (await box.put(f"{box.url}/video/upload", b"x" * 1000)).status == 405
    await box.fault("status", endpoint="upload", status=502)
    broken = await box.put(url, b"x" * 1000)
    assert broken.status == 502 and broken.text.startswith("<html>")


@proves("4.2.07", "4.2.08")
async def ranges_that_do_not_continue_are_416(box: Box) -> None:
    token, size = await box.token(), CHUNK * 3
    url = (await planned(box, token, chunked(size, CHUNK, 3))).data["upload_url"]
    data = b"x" * CHUNK
    ahead = await box.put(url, data, first=CHUNK, total=size)
    assert (ahead.status, ahead.headers["Content-Range"]) == (416, f"bytes 0-0/{size}")
    assert (await box.put(url, data, total=size)).status == 206
    again = await box.put(url, data, total=size)
    assert (again.status, again.headers["Content-Range"], again.text) == (416, f"bytes 0-{CHUNK}/{size}", "")
    missing = await box.put(url, data, Content_Range="")
    assert (missing.status, missing.text) == (416, "")
    await box.turn(reput_accepted=206, missing_range=400)
    assert (await box.put(url, data, total=size)).status == 206
    assert (await box.put(url, data, Content_Range="")).status == 400
    assert (await box.put(url, data, first=CHUNK, total=size)).status == 206


@proves("4.2.09")
async def a_chunk_can_be_sent_again_after_5xx(box: Box) -> None:
    token, size = await box.token(), CHUNK * 2
    url = (await planned(box, token, chunked(size, CHUNK, 2))).data["upload_url"]
    await box.fault("status", endpoint="upload", chunk=2, status=503, count=2)
    data = b"x" * CHUNK
    assert (await box.put(url, data, total=size)).status == 206
    for status in (503, 503, 201):
        assert (await box.put(url, data, first=CHUNK, total=size)).status == status


@proves("4.2.12")
async def an_upload_can_meet_an_opaque_502(box: Box) -> None:
    reply = await box.init(await box.token())
    await box.fault("status", endpoint="upload", status=502)
    met = await box.put(reply.data["upload_url"], b"v" * 1000)
    assert met.status == 502 and not met.text.startswith("{")
    assert (await box.put(reply.data["upload_url"], b"v" * 1000)).status == 201
