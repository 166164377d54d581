"""The clients against the real api: every operation by both, one suite."""

import inspect
import os
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from api_house import House
from api_post import post_in
from client_hands import KINDS, Hands, hands
from test_api_consumers import tell

from libs.model.capability import CAPABILITIES
from libs.model.post import PostState
from libs.rest.client import Clipwire, Refused, TimedOut
from libs.rest.client.operation import Listing, Operation, Resource
from services.api.resource import ROUTES
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", params=KINDS)
async def operator(request: pytest.FixtureRequest, house: House) -> AsyncIterator[Hands]:
    """A client with the operator's key."""
    async with hands(request.param, house.program.url, house.operator) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module", params=KINDS)
async def owned(request: pytest.FixtureRequest, house: House) -> AsyncIterator[tuple[str, Hands]]:
    """A customer, and a client with its key."""
    customer = await house.customer()
    async with hands(request.param, house.program.url, await house.key(customer)) as one:
        yield customer, one


def offered() -> Iterator[tuple[str, str]]:
    """Method and path of everything the clients can ask."""
    client = Clipwire("http://127.0.0.1:9", "cw_never_used")
    for resource in vars(client).values():
        if isinstance(resource, Resource):
            for _, one in inspect.getmembers_static(type(resource)):
                if isinstance(one, Operation | Listing):
                    method, path = (one.__doc__ or "").split()[:2]
                    yield method, re.sub(r"\{\w*\}", "{}", path.rstrip(",:"))
    client.close()


async def test_every_operation_of_the_api_is_one_of_the_clients() -> None:
    refused = {f"/v1{path}" for ability in CAPABILITIES for path in ability.paths}
    served = {(route.method, route.path) for route in ROUTES if route.path not in refused}

    missing = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in served} - set(offered())

    assert len(served) > 60
    assert missing == set()


async def test_a_customer_is_made_and_given_a_quota(operator: Hands) -> None:
    made = await operator.do(lambda c: c.customers.create(name="Ordinary"))
    changed = await operator.do(lambda c: c.customers.change(made.id, media_bytes_max=10, media_files_max=None))
    found = await operator.do(lambda c: c.customers.get(made.id))

    assert (changed.media_bytes_max, found.media_bytes_max, found.media_files_max) == (10, 10, None)
    assert made.id in [one.id for one in await operator.all(lambda c: c.customers.list(limit=2))]


async def test_a_listing_goes_through_every_page(owned: tuple[str, Hands]) -> None:
    _, client = owned
    made = [(await client.do(lambda c: c.groups.create(name="g"))).id for _ in range(5)]

    page = await client.do(lambda c: c.groups.page(limit=2))
    every = [group.id for group in await client.all(lambda c: c.groups.list(limit=2))]

    assert (len(page.data), page.next_cursor is not None) == (2, True)
    assert every == list(reversed(made))


async def test_an_account_is_placed_renamed_and_looked_into(owned: tuple[str, Hands], house: House) -> None:
    customer, client = owned
    account = await house.account(customer, open_id=f"-000{customer[-8:]}")
    group = await client.do(lambda c: c.groups.create(name="Brand"))

    placed = await client.do(lambda c: c.accounts.change(account, group_id=group.id))
    renamed = await client.do(lambda c: c.groups.rename(group.id, name="New"))
    emptied = await client.do(lambda c: c.accounts.change(account, group_id=None))
    gone = await client.do(lambda c: c.groups.delete(group.id))
    health = await client.do(lambda c: c.accounts.health(account))
    link = await client.do(lambda c: c.accounts.connect(scopes=["video.publish"]))

    assert (placed.group_id, renamed.name, emptied.group_id, gone.id) == (group.id, "New", None, group.id)
    assert health.usable
    assert link.scopes == ("video.publish",)
    left = await client.do(lambda c: c.accounts.disconnect(account, revoke=False))
    assert left.at_tiktok == "left"


async def test_a_file_is_streamed_with_its_progress(owned: tuple[str, Hands], tmp_path: Path) -> None:
    _, client = owned
    told: list[tuple[int, int]] = []
    file = tmp_path / "clip.jpg"
    file.write_bytes(photo())

    media = await client.do(lambda c: c.media.upload(file, progress=lambda sent, all_: told.append((sent, all_))))

    assert told[-1] == (media.size, media.size) == (file.stat().st_size, file.stat().st_size)
    assert (await client.do(lambda c: c.media.get(media.id))).sha256 == media.sha256
    assert [one.id for one in await client.all(lambda c: c.media.list())] == [media.id]


def photo() -> bytes:
    """A photo TikTok takes, of some hundred kilobytes so that there is more than one piece."""
    import io

    from PIL import Image

    made = io.BytesIO()
    Image.frombytes("RGB", (720, 720), os.urandom(720 * 720 * 3)).save(made, "JPEG", quality=90)
    return made.getvalue()


async def test_what_is_no_film_is_refused_with_field_and_remedy(owned: tuple[str, Hands]) -> None:
    _, client = owned

    with pytest.raises(Refused) as refused:
        await client.do(lambda c: c.media.upload(b"no film at all"))

    problem = refused.value.problem
    assert (problem.status, problem.code) == (422, "unusable_media")
    assert problem.errors[0].field == "file"
    assert problem.errors[0].remedy
    assert "unusable_media" in str(refused.value)


async def test_a_post_is_made_once_under_its_key(owned: tuple[str, Hands], house: House) -> None:
    customer, client = owned
    wish = await wished(house, customer)

    first = await client.do(lambda c: c.posts.create(**wish, idempotency_key="order-1"))
    again = await client.do(lambda c: c.posts.create(**wish, idempotency_key="order-1"))

    assert first.id == again.id
    assert first.idempotency_key == "order-1"
    kinds = [entry.kind for entry in await client.all(lambda c: c.posts.timeline(first.id, limit=1))]
    assert kinds
    cancelled = await client.do(lambda c: c.posts.cancel(first.id))
    assert cancelled.state is PostState.CANCELLED
    found = await client.all(lambda c: c.posts.list(state="cancelled", account_id=wish["account_id"]))
    assert [post.id for post in found] == [first.id]


async def test_the_same_content_without_a_chosen_key_is_one_post(owned: tuple[str, Hands], house: House) -> None:
    customer, client = owned
    wish = await wished(house, customer)

    first = await client.do(lambda c: c.posts.create(**wish))
    with pytest.raises(Refused) as refused:
        await client.do(lambda c: c.posts.create(**wish))
    meant = await client.do(lambda c: c.posts.create(**wish, idempotency_key="once more"))

    assert refused.value.problem.code == "duplicate_content"
    assert refused.value.problem.model_extra == {"post_id": first.id, "state": "queued"}
    assert meant.id != first.id


async def wished(house: House, customer: str) -> dict[str, Any]:
    return {
        "account_id": await house.account(customer, open_id=f"-001{customer[-8:]}"),
        "kind": "video",
        "media": [await house.video(customer)],
        "privacy_level": "SELF_ONLY",
    }


async def test_one_request_for_several_accounts_answers_with_a_batch(owned: tuple[str, Hands], house: House) -> None:
    customer, client = owned
    wish = await wished(house, customer)
    accounts = [wish.pop("account_id"), await house.account(customer, open_id=f"-002{customer[-8:]}")]

    batch = await client.do(lambda c: c.posts.create_batch(**wish, account_ids=accounts))

    assert [post.account_id for post in batch.posts] == accounts


async def test_a_draft_is_edited_and_sent(owned: tuple[str, Hands], house: House) -> None:
    customer, client = owned
    wish = await wished(house, customer)
    draft = await client.do(lambda c: c.posts.create(**wish, draft=True))

    edited = await client.do(lambda c: c.posts.edit(draft.id, title="Better"))
    sent = await client.do(lambda c: c.posts.send(draft.id))
    later = house.now() + timedelta(hours=2)
    moved = await client.do(lambda c: c.posts.reschedule(draft.id, publish_at=later))

    assert (edited.request["title"], sent.state) == ("Better", PostState.QUEUED)
    assert moved.state is PostState.SCHEDULED
    assert moved.publish_at is not None and abs(moved.publish_at - later) < timedelta(milliseconds=1)


async def test_waiting_for_a_post_ends_when_it_is_over_or_time_is(operator: Hands, house: House) -> None:
    published = await post_in(house, PostState.PUBLISHED)
    waiting = await post_in(house, PostState.SCHEDULED)
    seen: list[PostState] = []

    post = await operator.do(
        lambda c: c.posts.wait_until_published(published, on_change=lambda p: seen.append(p.state))
    )
    with pytest.raises(TimedOut) as late:
        await operator.do(lambda c: c.posts.wait_until_published(waiting, 0.05))

    assert (post.state, seen) == (PostState.PUBLISHED, [PostState.PUBLISHED])
    assert waiting in str(late.value) and not late.value.may_have_worked


async def test_an_endpoint_is_kept_through_its_life(owned: tuple[str, Hands]) -> None:
    _, client = owned
    made = await client.do(lambda c: c.endpoints.create(url="https://hooks.acme.example/x", events=["*"]))

    rotated = await client.do(lambda c: c.endpoints.rotate(made.id, overlap_days=2.0))
    changed = await client.do(lambda c: c.endpoints.change(made.id, description="mine", rate_per_s=None))
    tested = await client.do(lambda c: c.endpoints.test(made.id))
    disabled = await client.do(lambda c: c.endpoints.disable(made.id))
    enabled = await client.do(lambda c: c.endpoints.enable(made.id))

    assert made.secret.startswith("whsec_") and rotated.secret not in (None, made.secret)
    assert (changed.description, tested.endpoint_id) == ("mine", made.id)
    assert (str(disabled.state), str(enabled.state)) == ("disabled", "enabled")
    assert (await client.do(lambda c: c.endpoints.public_keys(made.id))).keys == ()
    event = await client.do(lambda c: c.events.get(tested.event_id))
    assert event.type == "webhook.test"


async def test_a_consumer_reads_acknowledges_and_goes_back(owned: tuple[str, Hands], house: House) -> None:
    customer, client = owned
    await client.do(lambda c: c.consumers.create(name="mine", events=["webhook.*"], start="beginning"))
    told = [await tell(house, customer) for _ in range(2)]

    async def both() -> Any:
        feed = await client.do(lambda c: c.consumers.read("mine"))
        return feed if [event.id for event in feed.data] == told else None

    feed = await eventually(both)
    done = await client.do(lambda c: c.consumers.acknowledge("mine", cursor=feed.next_cursor))
    assert done.cursor == feed.next_cursor
    assert (await client.do(lambda c: c.consumers.read("mine"))).data == ()
    await client.do(lambda c: c.consumers.seek("mine", to="beginning"))
    assert [event.id for event in await client.all(lambda c: c.events.list(limit=1, type="webhook.test"))] == told
    assert (await client.do(lambda c: c.consumers.remove("mine"))).removed


async def test_deliveries_are_counted_before_they_are_replayed(owned: tuple[str, Hands], house: House) -> None:
    _, client = owned
    since = house.now() - timedelta(hours=1)

    count = await client.do(lambda c: c.replays.count(since=since, states=["exhausted", "delivered"]))
    replay = await client.do(lambda c: c.replays.create(since=since))

    assert (count.total, count.dry_run) == (0, True)
    assert (await client.do(lambda c: c.replays.pause(replay.id))).id == replay.id
    assert [one.id for one in await client.all(lambda c: c.replays.list())] == [replay.id]
    assert await client.all(lambda c: c.deliveries.list(state="exhausted")) == []
    assert await client.all(lambda c: c.attempts.list(failed=True)) == []


async def test_a_key_is_made_narrowed_rotated_and_revoked(owned: tuple[str, Hands]) -> None:
    _, client = owned
    made = await client.do(lambda c: c.keys.create(name="robot", grants={"posts": "read"}))

    narrowed = await client.do(lambda c: c.keys.change(made.id, grants={}, rate_per_minute=5))
    rotated = await client.do(lambda c: c.keys.rotate(made.id, grace_s=60))
    revoked = await client.do(lambda c: c.keys.revoke(made.id))

    assert (narrowed.grants, narrowed.rate_per_minute) == ({}, 5)
    assert rotated.secret.startswith("cw_") and rotated.secret != made.secret
    assert revoked.revoked_at is not None
    told = await client.all(lambda c: c.audit.list(action="keys.create"))
    assert (await client.do(lambda c: c.audit.get(told[0].id))).sentence == told[0].sentence


async def test_an_app_of_a_customer_keeps_its_secrets(operator: Hands, house: House) -> None:
    customer, key = await house.customer(), f"aw{os.urandom(6).hex()}"
    secret = "planted-app-secret"

    made = await operator.do(lambda c: c.apps.create(customer_id=customer, client_key=key, client_secrets=[secret]))
    changed = await operator.do(lambda c: c.apps.change(made.id, audited=True))

    assert (made.live_secrets, changed.audited) == (1, True)


async def test_what_cannot_be_done_says_why(owned: tuple[str, Hands]) -> None:
    _, client = owned

    listed = await client.do(lambda c: c.capabilities.get())

    assert any(not one.supported and one.reason for one in listed.data)


async def test_a_wrong_argument_is_found_here_and_a_wrong_value_there(owned: tuple[str, Hands]) -> None:
    _, client = owned

    with pytest.raises(TypeError, match="eventz"):
        await client.do(lambda c: c.endpoints.create(url="https://x.example", events=["*"], eventz=[]))
    with pytest.raises(TypeError, match="account_ids"):
        await client.do(lambda c: c.posts.create(account_ids=["a"], kind="video", media=["m"]))
    with pytest.raises(Refused) as refused:
        await client.do(lambda c: c.endpoints.create(url="https://hooks.acme.example", events=["nonsense.*"]))

    assert refused.value.problem.errors[0].field.startswith("events")


async def test_a_write_under_a_given_key_is_done_once(owned: tuple[str, Hands]) -> None:
    _, client = owned

    def make(c: Any) -> Any:
        return c.with_options(idempotency_key="group-1", timeout=20).groups.create(name="Once")

    assert (await client.do(make)).id == (await client.do(make)).id
    assert len(await client.all(lambda c: c.groups.list())) == 1


async def test_a_key_that_is_none_opens_nothing_and_is_not_shown(house: House) -> None:
    for kind in KINDS:
        async with hands(kind, house.program.url, "cw_" + "0" * 40) as stranger:
            with pytest.raises(Refused) as refused:
                await stranger.do(lambda c: c.posts.get("post_x"))
            assert refused.value.problem.status == 401
            assert "cw_0" not in f"{stranger.client!r} {refused.value!r}"
