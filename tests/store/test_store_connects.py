"""States, apps and groups: one use, one app per customer, one account per group."""

import asyncio
from dataclasses import replace

import pytest
from store_place import NOW, Place, an_id, tokens

from libs.model.account import Account
from libs.model.connect import LIFE, LINK_LIFE, OPENINGS_MAX, Connect, Invitation, Judged
from libs.model.post_parse import parse
from libs.model.post_request import PostRequest
from libs.model.problem import Problem
from libs.store.connects import Claimed
from libs.store.intake import take_request

REDIRECT = "http://127.0.0.1:8080/oauth/tiktok/callback"


async def asked(place: Place, *, customer: str = "one") -> Connect:
    return Connect(await place.customer(customer), "ck", REDIRECT, ("video.publish",), "key_1", NOW, NOW + LIFE)


async def test_a_state_is_used_once_though_many_bring_it_at_once(place: Place) -> None:
    connect = await asked(place)
    await place.store.connects.begin(connect, state="s" * 32, verifier="v" * 43)

    brought = await asyncio.gather(
        *(place.store.connects.claim("s" * 32, redirect_uri=REDIRECT, customer_id=None, now=NOW) for _ in range(16))
    )

    won = [one for one in brought if isinstance(one, Claimed)]
    assert [one.verifier for one in won] == ["v" * 43]
    assert won[0].connect == replace(connect, used_at=NOW)
    assert [one for one in brought if not isinstance(one, Claimed)] == [Judged.REPLAYED_STATE] * 15


async def test_a_state_that_is_refused_stays_as_it_was_for_its_owner(place: Place) -> None:
    connect = await asked(place)
    stranger = await place.customer("two")
    await place.store.connects.begin(connect, state="s", verifier=None)
    claim = place.store.connects.claim

    stolen = await claim("s", redirect_uri=REDIRECT, customer_id=stranger, now=NOW)
    elsewhere = await claim("s", redirect_uri="https://b.example/", customer_id=None, now=NOW)
    late = await claim("s", redirect_uri=REDIRECT, customer_id=None, now=NOW + LIFE)

    assert [stolen, elsewhere, late] == [Judged.UNKNOWN_STATE, Judged.WRONG_REDIRECT, Judged.EXPIRED_STATE]
    mine = await claim("s", redirect_uri=REDIRECT, customer_id=connect.customer_id, now=NOW)
    assert isinstance(mine, Claimed)


async def test_neither_a_state_nor_its_verifier_is_kept_in_clear_and_old_ones_are_forgotten(place: Place) -> None:
    await place.store.connects.begin(await asked(place), state="planted-state", verifier="planted-verifier")

    found = await place.sql.fetchrow("select * from connects")
    assert found is not None
    assert "planted" not in str(dict(found))
    assert await place.store.connects.forget(expired_before=NOW + LIFE, limit=9) == 0
    assert await place.store.connects.forget(expired_before=NOW + 2 * LIFE, limit=9) == 1


async def test_of_a_link_only_its_hash_is_kept_and_old_ones_are_forgotten(place: Place) -> None:
    account = await place.account()
    connects = place.store.connects
    link = Invitation(account.customer_id, account.id, "ck", REDIRECT, ("video.publish",), False, account.grant_n,
                      "key_1", NOW, NOW + LINK_LIFE)  # fmt: skip
    await connects.invite(link, token="planted-token")

    assert await connects.invitation("planted-token") == (link, account.grant_n)
    assert await connects.invitation("planted") is None
    assert "planted" not in str(await place.sql.fetch("select * from reconnect_links"))
    assert await connects.forget(expired_before=NOW + LINK_LIFE, limit=9) == 0
    assert await connects.forget(expired_before=NOW + 2 * LINK_LIFE, limit=9) == 1


async def test_one_link_has_so_many_consents_open_and_another_is_not_kept_from_its_own(place: Place) -> None:
    connects, connect = place.store.connects, await asked(place)

    began = [await connects.begin(connect, state=f"s{n}", verifier=None, link="a") for n in range(OPENINGS_MAX + 1)]
    others = [await connects.begin(connect, state=f"o{link}", verifier=None, link=link) for link in ("b", None)]
    used = await connects.claim("s0", redirect_uri=REDIRECT, customer_id=None, now=NOW)
    again = await connects.begin(connect, state="again", verifier=None, link="a")
    later = replace(connect, created_at=NOW + LIFE, expires_at=NOW + 2 * LIFE)

    assert began == [True] * OPENINGS_MAX + [False]
    assert others == [True, True]
    assert (isinstance(used, Claimed), again) == (True, True), "one that was used has made room"
    assert await connects.begin(later, state="later", verifier=None, link="a"), "so have those that are over"


async def test_a_customer_has_one_app_and_an_app_one_customer_and_its_secrets_are_sealed(place: Place) -> None:
    one, two = await place.customer("one"), await place.customer("two")
    apps, id_ = place.store.apps, an_id("app")

    async def made(id_: str, customer: str, key: str) -> bool:
        app = await apps.create(
            id_=id_, customer_id=customer, client_key=key, secrets=["planted-2", "planted-1"], audited=False, now=NOW
        )
        return app is not None

    assert await made(id_, one, "k1")
    assert await made(id_, one, "k1"), "the same once more, because the answer was lost"
    assert not await made(an_id("app"), one, "k2")
    assert not await made(an_id("app"), two, "k1")
    assert await apps.credentials("k1") == ("planted-2", "planted-1")
    assert await apps.credentials("k2") == ()
    assert "planted" not in str(await place.sql.fetch("select * from apps"))
    changed = await apps.change(id_, secrets=["planted-3"], audited=True, now=NOW)
    assert changed is not None
    assert (changed.secrets, changed.audited) == (1, True)


async def group(place: Place, customer: str = "one") -> str:
    made = await place.store.groups.create(
        id_=an_id("grp"), customer_id=await place.customer(customer), name="brand", now=NOW
    )
    return made.id


@pytest.mark.row("PP-05")
async def test_a_group_holds_one_account_though_many_want_in_at_once(place: Place) -> None:
    accounts = [await place.account(f"creator {n}") for n in range(6)]
    group_id = await group(place)

    placed = await asyncio.gather(*(place.store.accounts.place(one, group_id, now=NOW) for one in accounts))

    (held,) = [one for one in placed if one is not None]
    found = await place.store.groups.get(group_id, customer_id=held.customer_id)
    assert found is not None
    assert (found.account_id, held.group_id) == (held.id, group_id)
    freed = await place.store.accounts.place(held, None, now=NOW)
    assert freed is not None
    assert freed.group_id is None
    other = next(one for one in accounts if one.id != held.id)
    assert await place.store.accounts.place(other, group_id, now=NOW) is not None


async def test_an_account_is_connected_into_a_group_of_its_own_customer_only(place: Place) -> None:
    mine, theirs = await group(place), await group(place, "two")

    async def connected(open_id: str, group_id: str) -> Account:
        return await place.store.accounts.connect(
            id_=an_id("acc"), customer_id=await place.customer(), client_key="ck", open_id=open_id, username=None,
            display_name=None, tokens=tokens(), wanted=["video.publish", "video.list"], group_id=group_id, now=NOW,
        )  # fmt: skip

    first = await connected("a", mine)
    assert (first.group_id, first.missing_scopes) == (mine, ("video.list",))
    assert (await connected("b", mine)).group_id is None
    assert (await connected("c", theirs)).group_id is None
    assert (await connected("a", mine)).group_id == mine, "a reconnect stays where it is"


async def test_the_account_of_a_deleted_group_stays(place: Place) -> None:
    account, group_id = await place.account(), await group(place)
    await place.store.accounts.place(account, group_id, now=NOW)

    assert not await place.store.groups.delete(group_id, customer_id=await place.customer("two"))
    assert await place.store.groups.delete(group_id, customer_id=account.customer_id)

    found = await place.store.accounts.get(account.id, customer_id=None)
    assert found is not None
    assert (found.group_id, found.state) == (None, account.state)


@pytest.mark.parametrize("audited", [True, False])
async def test_an_account_knows_whether_its_customers_own_app_is_audited(place: Place, audited: bool) -> None:
    account = await place.account()
    assert account.app_audited is None
    await place.store.apps.create(
        id_=an_id("app"), customer_id=account.customer_id, client_key="ck", secrets=["s"], audited=audited, now=NOW
    )

    found = await place.store.accounts.get_many([account.id], customer_id=None)

    assert found[account.id].app_audited is audited


@pytest.mark.parametrize(("own", "operators", "accepted"), [(True, False, True), (False, True, False)])
async def test_posts_of_a_customers_own_app_go_by_its_own_audit(
    place: Place, own: bool, operators: bool, accepted: bool
) -> None:
    account = await place.account()
    await place.store.apps.create(
        id_=an_id("app"), customer_id=account.customer_id, client_key="ck", secrets=["s"], audited=own, now=NOW
    )
    request = parse(
        {"account_id": account.id, "kind": "video", "media": ["https://a.example/v.mp4"],
         "privacy_level": "PUBLIC_TO_EVERYONE"}
    )  # fmt: skip
    assert isinstance(request, PostRequest)

    taken = await take_request(
        place.store, request, customer_id=account.customer_id, key="k", audited=operators, now=NOW,
        judge=lambda request, media: (frozenset(), []),
    )  # fmt: skip

    assert isinstance(taken, Problem) is not accepted
    if isinstance(taken, Problem):
        assert [error.code for error in taken.errors] == ["app_not_audited"]


async def test_two_customers_of_one_creator_share_what_tiktok_knows_once(place: Place) -> None:
    first, second = await place.account(), await place.account(customer="two")
    await place.account("somebody else")

    assert await place.store.accounts.shared(first)
    await place.sql.execute("update accounts set state = 'disconnected', alarm = null where id = $1", second.id)
    assert not await place.store.accounts.shared(first)
