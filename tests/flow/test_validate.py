"""A post request judged without making a post: the rules of acceptance, and what the creator's settings say now."""

from typing import Any

import pytest
from flow_house import Guest, Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def verdict(stage: Stage, guest: Guest, *, status: int = 200, **request: Any) -> dict[str, Any]:
    usual = {
        "customer_id": guest.customer_id,
        "account_id": guest.account_id,
        "kind": "video",
        "media": ["https://cdn.example.com/clip.mp4"],
        "privacy_level": "SELF_ONLY",
    }
    wanted = {name: value for name, value in (usual | request).items() if value is not None}
    found: dict[str, Any] = await stage.api("POST", "posts/validate", wanted, status=status)
    return found


@pytest.mark.row("BO-33")
async def test_a_good_request_is_valid_shows_the_creator_and_makes_nothing(stage: Stage, guest: Guest) -> None:
    said = await verdict(stage, guest)

    [account] = said["accounts"]
    assert (said["valid"], account["problem"]) == (True, None)
    assert "SELF_ONLY" in account["creator"]["privacy_level_options"]
    assert account["creator"]["creator_nickname"]
    assert (await stage.api("GET", f"posts?account_id={guest.account_id}"))["data"] == []
    assert await stage.publications(guest) == []


async def test_what_a_creator_may_post_is_shown_for_its_account_too(stage: Stage, guest: Guest) -> None:
    said = await verdict(stage, guest)

    shown = await stage.api("GET", f"accounts/{guest.account_id}/creator")

    assert shown == {"id": guest.account_id} | said["accounts"][0]["creator"]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"privacy_level": None}, "privacy_level"),
        ({"title": "x" * 2201}, "title"),
        ({"surprise": 1}, "surprise"),
        ({"media": ["med_00000000000000000000000000"]}, "media.0"),
    ],
)
async def test_what_would_be_refused_is_refused_the_same(
    stage: Stage, guest: Guest, request_: dict[str, Any], field: str
) -> None:
    said = await verdict(stage, guest, status=422, **request_)

    assert [error["field"] for error in said["errors"]] == [field]


@pytest.mark.row("SS-14")
async def test_what_the_creator_does_not_offer_is_named_before_anything_is_sent(stage: Stage, guest: Guest) -> None:
    said = await verdict(stage, guest, privacy_level="FOLLOWER_OF_CREATOR")

    [error] = said["accounts"][0]["problem"]["errors"]
    assert (said["valid"], error["field"], error["code"]) == (False, "privacy_level", "not_offered")


async def test_what_the_creator_has_turned_off_is_warned_of(stage: Stage, guest: Guest) -> None:
    await guest.creator(comment_disabled=True, duet_disabled=True)

    said = await verdict(stage, guest, disable_comment=False)

    assert said["valid"] is True
    assert [(one["field"], one["code"]) for one in said["warnings"]] == [("disable_comment", "turned_off_by_creator")]
    assert guest.account_id in said["warnings"][0]["detail"]


async def test_an_app_without_an_audit_posts_to_private_accounts_only_and_nothing_is_spent_to_find_out(
    stage: Stage,
) -> None:
    owner = (await stage.api("POST", "customers", {"name": "unaudited"}))["id"]
    await stage.sim("PUT", "apps/awunaudited01", {"secrets": ["unaudited-secret"]})
    app = {"customer_id": owner, "client_key": "awunaudited01", "client_secrets": ["unaudited-secret"]}
    await stage.api("POST", "apps", app)
    guest = await stage.guest(customer_id=owner, client_key="awunaudited01", private=False)

    said = await verdict(stage, guest)
    post = await stage.until((await guest.post())["id"], "failed")
    await guest.creator(private=True)
    then = await verdict(stage, guest)

    named = [error["code"] for error in said["accounts"][0]["problem"]["errors"]]
    assert (said["valid"], named, then["valid"]) == (False, ["account_not_private"], True)
    assert (post["problem"]["stage"], post["problem"]["errors"][0]["code"]) == ("validate", "account_not_private")
    assert await stage.calls("video/init", guest) == []


async def test_a_creator_who_may_not_post_now_is_told_in_tiktoks_word_though_it_came_with_200(
    stage: Stage, guest: Guest
) -> None:
    await guest.creator(banned=True)

    said = await verdict(stage, guest)

    assert said["valid"] is False
    assert said["accounts"][0]["problem"]["upstream"]["code"] == "spam_risk_user_banned_from_posting"


async def test_a_draft_is_judged_without_asking_the_creator(stage: Stage, guest: Guest) -> None:
    said = await verdict(stage, guest, mode="inbox", privacy_level=None)

    assert (said["valid"], said["accounts"][0]["creator"]) == (True, None)
    assert await stage.calls("creator_info/query", guest) == []


async def test_what_a_draft_or_photos_have_no_use_for_is_warned_of_and_taken(stage: Stage, guest: Guest) -> None:
    draft = await verdict(stage, guest, mode="inbox", title="x")
    photos = await verdict(stage, guest, kind="photo", media=["https://cdn.example.com/1.jpg"], disable_duet=True)

    fields = [[(one["field"], one["code"]) for one in said["warnings"]] for said in (draft, photos)]
    assert fields == [
        [("title", "chosen_in_app"), ("privacy_level", "chosen_in_app")],
        [("disable_duet", "photos_have_none")],
    ]
    assert draft["valid"] and photos["valid"]


async def test_when_tiktok_does_not_say_nobody_knows(stage: Stage, guest: Guest) -> None:
    await guest.fault("status", endpoint="creator_info/query", status=500)

    said = await verdict(stage, guest, status=503)

    assert (said["code"], said["retryable"]) == ("tiktok_unavailable", True)
