"""Files that come by URL or to an address of their own: here whole, or failed and why, whoever is killed meanwhile."""

import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flow_house import Guest, Stage

from libs.broker.memory import MemoryBroker, MemoryBus
from libs.media.folder import FolderStorage
from libs.store.arrivals import Arrival
from libs.store.media import Quota
from services.publisher.arrivals import LEASE, PAUSES, TRIES, Receiver
from services.publisher.fetch import Fetcher
from services.publisher.unusable import Unfetched
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def film(stage: Stage) -> bytes:
    """The simulator's sample."""
    return (await stage.http.get(f"{stage.urls['simulator']}/_sim/sample.mp4")).content


async def ended(stage: Stage, id_: str) -> dict[str, Any]:
    """The file, once it is no more on its way."""

    async def done() -> dict[str, Any]:
        found: dict[str, Any] = await stage.api("GET", f"media/{id_}")
        assert found["state"] in ("ready", "failed"), found
        return found

    return await eventually(done)


async def told(guest: Guest, type_: str) -> list[Any]:
    """The media of which the customer heard this."""
    await guest.stage.quiet()
    return [item["json"]["data"]["media_id"] for item in await guest.inbox(type_)]


async def promised(guest: Guest, content: bytes, **more: Any) -> dict[str, Any]:
    asked = {"customer_id": guest.customer_id, "size": len(content), **more}
    made: dict[str, Any] = await guest.stage.api("POST", "media/uploads", asked, status=201)
    return made


async def push(stage: Stage, address: dict[str, Any], content: bytes) -> int:
    return (await stage.http.put(address["url"], content=content, headers=address["headers"])).status_code


async def only(count: int, stage: Stage, guest: Guest) -> None:
    """So many files are left of this customer: the bytes leave after the state is saved, never before."""
    folder = stage.folder / "media" / guest.customer_id
    await eventually(lambda: len(list(folder.glob("*"))) == count)


async def test_a_file_by_url_is_fetched_in_the_background_looked_into_and_told(stage: Stage, guest: Guest) -> None:
    url = f"{stage.urls['simulator']}/_sim/sample.mp4?signature=planted"
    made = await stage.api("POST", "media", {"url": url, "customer_id": guest.customer_id}, status=202)

    media = await ended(stage, made["id"])

    content = await film(stage)
    assert (made["state"], made["size"], made["problem"]) == ("fetching", None, None)
    assert (media["state"], media["size"], media["progress"]) == ("ready", len(content), None)
    assert media["sha256"] == hashlib.sha256(content).hexdigest()
    assert media["probe"]["kind"] == "video"
    assert await told(guest, "media.ready") == [made["id"]]
    assert "planted" not in str(made) + str(media)
    listed = (await stage.api("GET", f"media?customer_id={guest.customer_id}"))["data"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert await stage.row("select count(*) as n from arrivals where id = $1", made["id"]) == {"n": 0}
    post = await guest.post(media=[made["id"]])
    await stage.until(post["id"], "published")


@pytest.mark.parametrize(("path", "code"), [("nothing", "not_fetchable"), ("calls", "media_unknown_format")])
async def test_a_url_that_serves_no_media_fails_by_name_and_nothing_is_kept(
    stage: Stage, guest: Guest, path: str, code: str
) -> None:
    url = f"{stage.urls['simulator']}/_sim/{path}"
    made = await stage.api("POST", "media", {"url": url, "customer_id": guest.customer_id}, status=202)

    media = await ended(stage, made["id"])

    assert media["state"] == "failed"
    assert [error["code"] for error in media["problem"]["errors"]] == [code]
    assert await told(guest, "media.failed") == [made["id"]]
    await only(0, stage, guest)
    listed = (await stage.api("GET", f"media?customer_id={guest.customer_id}"))["data"]
    assert listed == [media]


async def test_a_url_that_nobody_may_be_sent_to_is_refused_at_once(stage: Stage, guest: Guest) -> None:
    for url in ("http://10.0.0.1/clip.mp4", "ftp://a.example/clip.mp4", "https://user:pass@a.example/"):
        said = await stage.api("POST", "media", {"url": url, "customer_id": guest.customer_id}, status=422)
        assert [error["field"] for error in said["errors"]] == ["url"]


async def test_a_file_sent_to_its_address_is_whole_or_refused_and_the_address_is_used_up(
    stage: Stage, guest: Guest
) -> None:
    content = await film(stage)
    address = await promised(guest, content, sha256=hashlib.sha256(content).hexdigest())
    place = f"media/{address['id']}"
    nothing = await stage.api("POST", f"{place}/complete", status=409)
    early = await guest.post(media=[address["id"]], status=422)

    short = await push(stage, address, content[:-1])
    whole = await push(stage, address, content)
    again = await push(stage, address, content)
    seen = await stage.api("GET", place)
    completed = await stage.api("POST", f"{place}/complete", status=202)
    media = await ended(stage, address["id"])

    assert nothing["code"] == "upload_incomplete"
    assert [(error["field"], error["code"]) for error in early["errors"]] == [("media.0", "media_not_ready")]
    assert (short, whole, again) == (422, 204, 404)
    assert (seen["state"], seen["progress"]) == ("awaited", {"received": len(content), "expected": len(content)})
    assert completed["state"] in ("checking", "ready")
    assert (media["state"], media["sha256"]) == ("ready", hashlib.sha256(content).hexdigest())
    assert (await stage.api("POST", f"{place}/complete", status=200))["state"] == "ready"
    assert await told(guest, "media.ready") == [address["id"]]
    await only(1, stage, guest)  # what was sent is gone, what was checked is kept


async def test_a_file_that_is_not_what_was_promised_fails_and_says_both(stage: Stage, guest: Guest) -> None:
    content = await film(stage)
    address = await promised(guest, content, sha256="0" * 64)
    assert await push(stage, address, content) == 204
    await stage.api("POST", f"media/{address['id']}/complete", status=202)

    media = await ended(stage, address["id"])

    [error] = media["problem"]["errors"]
    assert (media["state"], error["field"], error["code"]) == ("failed", "sha256", "not_as_promised")
    assert (error["limit"], error["found"]) == ("0" * 64, hashlib.sha256(content).hexdigest())
    await only(0, stage, guest)


async def test_addresses_are_unguessable_bounded_and_end(stage: Stage, guest: Guest) -> None:
    base = stage.urls["api"]
    for token in ("x", "A" * 43, "%00"):
        assert (await stage.http.put(f"{base}/push/{token}", content=b"x")).status_code == 404
    too_large = await stage.api(
        "POST", "media/uploads", {"customer_id": guest.customer_id, "size": 5 * 1024**3}, status=413
    )
    assert too_large["code"] == "too_large"
    content = await film(stage)
    address = await promised(guest, content)
    assert await push(stage, address, content) == 204

    await stage.advance(timedelta(hours=6, minutes=1).total_seconds())
    media = await ended(stage, address["id"])

    assert (media["state"], media["problem"]["code"]) == ("failed", "upload_missing")
    await only(0, stage, guest)


async def test_a_full_quota_counts_what_is_on_its_way(stage: Stage, guest: Guest) -> None:
    content = await film(stage)
    await stage.api("PATCH", f"customers/{guest.customer_id}", {"media_files_max": 1, "media_bytes_max": 10**9})
    await promised(guest, content)

    for path, body in (("media/uploads", {"size": 1}), ("media", {"url": "http://127.0.0.1:1/x"})):
        said = await stage.api("POST", path, body | {"customer_id": guest.customer_id}, status=413)
        assert said["code"] == "media_quota_reached"


async def claim(stage: Stage, id_: str, *, now: datetime) -> Arrival:
    """This one, whoever else is due by then."""
    claimed = await stage.house.store.arrivals.claim(now=now, lease=now + LEASE, limit=99)
    return next(arrival for arrival in claimed if arrival.id == id_)


class Broken(Fetcher):
    """A fetch that breaks after its bytes were kept, as often as it is told to."""

    def __init__(self, storage: FolderStorage) -> None:
        self._broken = storage
        self.tries = 0

    async def fetch(self, url: str, key: str, **_: Any) -> Any:
        self.tries += 1
        raise Unfetched("the media's transfer broke off", code="download_broken")


async def test_a_fetch_that_breaks_is_tried_again_ever_later_and_then_told(
    stage: Stage, guest: Guest, tmp_path: Path
) -> None:
    store, storage = stage.house.store, FolderStorage(tmp_path)
    fetcher = Broken(storage)
    receiver = Receiver(
        store, MemoryBroker(MemoryBus(), prefix=""), storage, fetcher, quota=Quota(10**9, 99), now=stage.clock.now,
        idle_s=1,
    )  # fmt: skip
    now = stage.now + timedelta(days=1)  # nobody else's alarm has come
    id_ = "med_" + guest.customer_id[4:]
    made = await store.arrivals.fetch(
        id_=id_, customer_id=guest.customer_id, url="https://a.example/", quota=Quota(10**9, 99), now=now
    )
    waits = []
    for _ in range(TRIES):
        claimed = await claim(stage, id_, now=now + timedelta(hours=1))
        await receiver.bring(claimed)
        found = await store.arrivals.get(id_, customer_id=None)
        assert found is not None
        waits.append(found.alarm and found.alarm - stage.now)

    assert made.state == "fetching"
    assert (fetcher.tries, waits) == (TRIES, [*PAUSES, None])
    assert found.state == "failed" and found.problem is not None
    await storage.close()


async def test_who_was_overtaken_makes_nothing_of_it(stage: Stage, guest: Guest, tmp_path: Path) -> None:
    store = stage.house.store
    id_ = "med_" + guest.customer_id[4:]
    later = stage.now + timedelta(days=1)
    await store.arrivals.fetch(
        id_=id_, customer_id=guest.customer_id, url="https://a.example/", quota=Quota(10**9, 99), now=later
    )
    slow = await claim(stage, id_, now=later)
    quick = await claim(stage, id_, now=later + LEASE)

    assert quick.version == slow.version + 1
    assert not await store.arrivals.hold(slow, lease=later, received=1, expected=None, now=later)
    assert not await store.arrivals.again(slow, at=later, counted=True, now=later)
    assert await store.arrivals.hold(quick, lease=later, received=1, expected=None, now=later)
