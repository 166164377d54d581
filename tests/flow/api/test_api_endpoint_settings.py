"""What an endpoint may say about how it is spoken to, and the keys that sign for it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from api_house import House

from libs import signing
from libs.model.endpoint import SCHEDULE, SECRETS_MAX
from libs.model.ids import new_id

pytestmark = pytest.mark.asyncio(loop_scope="module")
URL = "http://127.0.0.1:9/hook"


async def endpoint(house: House, **more: Any) -> dict[str, Any]:
    body = {"customer_id": await house.customer(), "url": URL, "events": ["*"]} | more
    return await house.make("/v1/endpoints", body)


async def rotated(house: House, id_: str, **more: Any) -> dict[str, Any]:
    response = await house.post(f"/v1/endpoints/{id_}/rotate", more or None)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    if made["secret"]:
        house.secrets.add(made["secret"])
    return made


async def test_what_an_endpoint_says_is_kept_shown_and_changed(house: House) -> None:
    customer = await house.customer()
    account = await house.account(customer)
    said = {
        "accounts": [account],
        "payload": "thin",
        "schedule_s": [0, 1, 604_800],
        "timeout_s": 2.5,
        "rate_per_s": 0.3,
        "concurrency": 4,
        "disable_after_days": 1.5,
    }

    made = await endpoint(house, customer_id=customer, headers={"Authorization": "Bearer theirs"}, **said)
    path = f"/v1/endpoints/{made['id']}"

    assert {name: made[name] for name in said} == said
    assert made["header_names"] == ["Authorization"] and "theirs" not in str(made)
    again = {
        "accounts": [], "payload": "full", "schedule_s": None, "rate_per_s": None, "concurrency": None, "headers": {},
        "disable_after_days": 5.0,
    }  # fmt: skip
    changed = (await house.call("PATCH", path, body=again)).json()
    assert changed["schedule_s"] == [wait.total_seconds() for wait in SCHEDULE]
    assert (changed["rate_per_s"], changed["concurrency"], changed["header_names"]) == (None, None, [])
    assert (changed["accounts"], changed["payload"], changed["timeout_s"]) == ([], "full", 2.5)
    assert (await house.get(path)).json() == changed


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"schedule_s": []}, "schedule_s"),
        ({"schedule_s": [5]}, "schedule_s.0"),
        ({"schedule_s": [0, -1]}, "schedule_s.1"),
        ({"schedule_s": [0, 604_801]}, "schedule_s.1"),
        ({"schedule_s": [0] * 21}, "schedule_s"),
        ({"rate_per_s": 0}, "rate_per_s"),
        ({"rate_per_s": 1001.0}, "rate_per_s"),
        ({"concurrency": 0}, "concurrency"),
        ({"payload": "fat"}, "payload"),
        ({"disable_after_days": 0.01}, "disable_after_days"),
        ({"disable_after_days": 31}, "disable_after_days"),
        ({"headers": {"Webhook-Id": "x"}}, "headers.0"),
        ({"headers": {"X-Good": "x", "Host": "x"}}, "headers.1"),
        ({"headers": {"User-Agent": "x"}}, "headers.0"),
        ({"headers": {"Content-Type": "text/plain"}}, "headers.0"),
        ({"headers": {"X-A": "line\r\nbreak"}}, "headers.0"),
        ({"headers": {"X-A": "x", "x-a": "y"}}, "headers.1"),
        ({"headers": {f"X-{n}": "x" for n in range(21)}}, "headers"),
        ({"accounts": ["acc_nonsense"]}, "accounts.0"),
        ({"accounts": [new_id("acc", datetime(2026, 1, 1).astimezone())]}, "accounts.0"),
    ],
)
async def test_a_wrong_setting_is_refused_by_field_when_made_and_when_changed(
    house: House, said: dict[str, Any], field: str
) -> None:
    good = await endpoint(house)

    made = await house.post("/v1/endpoints", {"customer_id": good["customer_id"], "url": URL, "events": ["*"], **said})
    changed = await house.call("PATCH", f"/v1/endpoints/{good['id']}", body=said)

    for response in (made, changed):
        assert response.status_code == 422
        assert [error["field"] for error in response.json()["errors"]] == [field]


async def test_another_customers_account_is_unknown(house: House) -> None:
    theirs = await house.account(await house.customer(), open_id="-000other")
    body = {"customer_id": await house.customer(), "url": URL, "events": ["*"], "accounts": [theirs]}

    refused = await house.post("/v1/endpoints", body)

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "unknown_account")


async def test_both_signatures_have_keys_and_only_the_shared_one_is_a_secret(house: House) -> None:
    made = await endpoint(house, signatures=["v1", "v1a"])
    paired = await endpoint(house, signatures=["v1a"])

    assert [key["signature"] for key in made["signing_keys"]] == ["v1", "v1a"]
    assert made["secret"].startswith("whsec_") and paired["secret"] is None
    assert "whsk_" not in str(made) + str(paired)
    kept = await house.store.endpoints.get(paired["id"], customer_id=None)
    assert kept is not None
    key = signing.parse_secret(kept.secrets[0].text)
    assert isinstance(key, signing.SigningKey)
    assert paired["signing_keys"] == [{"signature": "v1a", "public_key": key.public.text, "signs_until": None}]


async def test_public_keys_are_shown_to_anybody_at_one_address_and_nothing_else_is(house: House) -> None:
    made = await endpoint(house, signatures=["v1", "v1a"])
    path = f"/v1/endpoints/{made['id']}/public-keys"
    before = await house.http.get(path)
    after_rotation = await rotated(house, made["id"], overlap_days=2.0)
    after = await house.http.get(path)
    shared_only = await endpoint(house)

    assert before.status_code == 200 and before.headers["Cache-Control"] == "public, max-age=300"
    [old] = before.json()["keys"]
    new, ending = after.json()["keys"]
    assert old["signs_until"] is None and ending["public_key"] == old["public_key"]
    assert ending["signs_until"] is not None and new["signs_until"] is None
    assert new["public_key"] in [key["public_key"] for key in after_rotation["signing_keys"]]
    assert set(after.json()) == {"keys"} and set(new) == {"public_key", "signs_until"}
    assert (await house.http.get(f"/v1/endpoints/{shared_only['id']}/public-keys")).json() == {"keys": []}
    for nobody in (new_id("end", house.now()), "nonsense", "%00", "end_" + "x" * 500):
        assert (await house.http.get(f"/v1/endpoints/{nobody}/public-keys")).status_code == 404


@pytest.mark.parametrize("days", [0.0, 1.0, 30.0])
async def test_a_rotation_keeps_older_keys_for_its_overlap(house: House, days: float) -> None:
    made = await endpoint(house)
    before = house.now()

    again = await rotated(house, made["id"], overlap_days=days)

    after = house.now()
    assert again["secret"] not in (None, made["secret"])
    ends = [key["signs_until"] for key in again["signing_keys"]]
    assert ends[0] is None and len(ends) == (2 if days else 1)
    if days:
        rotated_at = datetime.fromisoformat(ends[1]) - timedelta(days=days)
        assert before - timedelta(milliseconds=1) < rotated_at <= after  # times are shown in whole milliseconds
    shown = (await house.get(f"/v1/endpoints/{made['id']}")).json()
    assert shown == {name: value for name, value in again.items() if name != "secret"}


async def test_a_later_rotation_does_not_lengthen_what_an_earlier_one_ended(house: House) -> None:
    made = await endpoint(house)
    first = await rotated(house, made["id"], overlap_days=1.0)

    second = await rotated(house, made["id"], overlap_days=30.0)

    assert second["signing_keys"][2]["signs_until"] == first["signing_keys"][1]["signs_until"]


async def test_a_rotation_may_change_the_signatures(house: House) -> None:
    made = await endpoint(house)

    both = await rotated(house, made["id"], signatures=["v1", "v1a"], overlap_days=0.0)
    pair = await rotated(house, made["id"], signatures=["v1a"], overlap_days=0.0)
    plain = await rotated(house, made["id"])

    assert [key["signature"] for key in both["signing_keys"]] == ["v1", "v1a"]
    assert [key["signature"] for key in pair["signing_keys"]] == ["v1a"] and pair["secret"] is None
    assert [key["signature"] for key in plain["signing_keys"]] == ["v1a", "v1a"], "those it has, a day of overlap"


async def test_keys_that_sign_at_once_are_few(house: House) -> None:
    made = await endpoint(house, signatures=["v1", "v1a"])
    path = f"/v1/endpoints/{made['id']}/rotate"
    for _ in range(SECRETS_MAX // 2 - 1):
        await rotated(house, made["id"])

    refused = await house.post(path)

    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_keys")
    assert len((await rotated(house, made["id"], overlap_days=0.0))["signing_keys"]) == 2


@pytest.mark.parametrize(
    "body", [{"overlap_days": -1}, {"overlap_days": 30.1}, {"signatures": []}, {"signatures": ["v2"]}, {"secret": "x"}]
)
async def test_a_wrong_rotation_changes_nothing(house: House, body: dict[str, Any]) -> None:
    made = await endpoint(house)

    refused = await house.post(f"/v1/endpoints/{made['id']}/rotate", body)

    assert refused.status_code == 422
    assert (await house.get(f"/v1/endpoints/{made['id']}")).json()["signing_keys"] == made["signing_keys"]
