"""Endpoints and files that go: what becomes of what waits for them, and what stays to be read."""

from pathlib import Path

import pytest
from api_house import House
from test_api_endpoints import deliver, endpoint

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_deleted_endpoint_is_gone_and_what_it_was_sent_can_still_be_read(house: House) -> None:
    customer = await house.customer()
    key = await house.key(customer)
    made = await endpoint(house, customer, headers={"X-Token": "planted-header"})
    house.secrets.add("planted-header")
    where = f"/v1/endpoints/{made['id']}"
    await house.make(f"{where}/test")
    await deliver(house, status=500)
    [waiting] = (await house.get(f"/v1/deliveries?endpoint_id={made['id']}")).json()["data"]
    assert waiting["state"] == "pending"

    first, again = [await house.call("DELETE", where, key=key) for _ in range(2)]

    assert [first.status_code, again.status_code] == [200, 200]
    assert (first.json()["reason"], first.json()["signing_keys"], first.json()["header_names"]) == ("deleted", [], [])
    assert (await house.get(where)).status_code == 404
    assert (await house.get(f"{where}/public-keys", key="")).status_code == 404
    for do in ("enable", "disable", "test", "rotate"):
        assert (await house.post(f"{where}/{do}")).status_code == 404
    assert (await house.call("PATCH", where, body={"description": "x"})).status_code == 404
    assert (await house.get(f"/v1/endpoints?customer_id={customer}")).json()["data"] == []
    ended = (await house.get(f"/v1/deliveries/{waiting['id']}", key=key)).json()
    assert (ended["state"], ended["last_error"], len(ended["attempts"])) == ("exhausted", "endpoint_deleted", 1)
    tries = (await house.get(f"/v1/attempts?endpoint_id={made['id']}", key=key)).json()["data"]
    assert [one["status"] for one in tries] == [500]
    refused = await house.post(f"/v1/deliveries/{waiting['id']}/redeliver", key=key)
    assert (refused.status_code, refused.json()["code"]) == (409, "endpoint_deleted")
    replay = {"customer_id": customer, "since": "2026-01-01T00:00:00Z", "dry_run": True}
    assert (await house.post("/v1/replays", replay)).json()["total"] == 0


async def test_a_file_that_a_post_needs_stays_and_the_refusal_names_the_post(house: House) -> None:
    customer = await house.customer()
    account, media = await house.account(customer), await house.video(customer)
    wish = {"account_id": account, "kind": "video", "media": [media], "privacy_level": "SELF_ONLY"}
    post = await house.make("/v1/posts", wish | {"publish_at": "2035-05-01T18:00:00Z"})

    refused = await house.call("DELETE", f"/v1/media/{media}")
    await house.make(f"/v1/posts/{post['id']}/cancel")
    first, again = [await house.call("DELETE", f"/v1/media/{media}") for _ in range(2)]

    assert (refused.status_code, refused.json()["code"]) == (409, "media_in_use")
    assert refused.json()["post_ids"] == [post["id"]]
    assert f"/v1/posts/{post['id']}/cancel" in refused.json()["remedy"]
    assert [(one.status_code, one.json()["state"]) for one in (first, again)] == [(200, "expired")] * 2
    assert (await house.get(f"/v1/media/{media}")).status_code == 404
    assert (await house.get(f"/v1/media?customer_id={customer}")).json()["data"] == []
    late = await house.post("/v1/posts", wish)
    assert (late.status_code, late.json()["errors"][0]["code"]) == (422, "unknown_media")


async def test_an_awaited_file_is_called_off_with_its_address_and_its_bytes(house: House) -> None:
    customer = await house.customer()
    place = await house.make("/v1/media/uploads", {"customer_id": customer, "size": 3})
    assert (await house.http.put(place["url"], content=b"abc")).status_code == 204
    other = await house.make("/v1/media/uploads", {"customer_id": customer, "size": 3})

    gone = [await house.call("DELETE", f"/v1/media/{one['id']}") for one in (place, other, other)]

    assert [(one.status_code, one.json()["state"]) for one in gone] == [(200, "failed")] * 3
    assert gone[0].json()["problem"]["code"] == "deleted"
    assert (await house.get(f"/v1/media/{place['id']}")).status_code == 404
    assert (await house.get(f"/v1/media?customer_id={customer}")).json()["data"] == []
    assert (await house.http.put(other["url"], content=b"abc")).status_code == 404
    assert _files(house.media_folder, customer) == []
    assert (await house.post(place["complete"])).json()["state"] == "failed", "it cannot be completed any more"


async def test_a_file_on_its_way_is_not_deleted_under_whoever_fetches_it(house: House) -> None:
    customer = await house.customer()
    coming = await house.make("/v1/media", {"url": "https://hooks.acme.example/a.mp4", "customer_id": customer})

    refused = await house.call("DELETE", f"/v1/media/{coming['id']}")

    assert (refused.status_code, refused.json()["code"]) == (409, "media_on_its_way")
    assert (await house.get(f"/v1/media/{coming['id']}")).json()["state"] == "fetching"


def _files(folder: Path, customer: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and customer in str(path)]
