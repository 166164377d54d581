"""Our client against the simulator over HTTP: two readings of one fact sheet, written apart, must meet."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.tiktok.chunks import is_legal, plan
from libs.tiktok.display import VIDEO_FIELDS, user_fields
from libs.tiktok.errors import Class, NoReply, OAuthRefused, Refused, ServerTrouble, Throttled, TikTokError, Unreadable
from libs.tiktok.events import SPELLINGS, Event, Removal
from libs.tiktok.oauth import App
from libs.tiktok.posting import (
    FileUpload,
    PhotoDraft,
    PhotoPost,
    Photos,
    PublishStatus,
    PullFromUrl,
    UploadSlot,
    VideoPost,
)
from libs.tiktok.readings import read_code, read_fail_reason, read_oauth
from libs.tiktok.signature import Verdict
from libs.tiktok.upload import ChunkKind
from libs.tiktok.webhooks import semantic_key
from services.simulator.knobs import Knobs
from services.simulator.world.chunk import check_plan
from services.simulator.world.error import SPEC, Code
from services.simulator.world.error import Refused as RefusedByRule
from services.simulator.world.record import FailReason
from tests.contract.tiktok_box import APP, Box, T, open_box
from tests.eventually import eventually

PRIVATE = VideoPost(privacy_level="SELF_ONLY", title="Hi #sim")
PUBLIC = VideoPost(privacy_level="PUBLIC_TO_EVERYONE", title="Hi all")


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    async with open_box() as opened:
        yield opened


# Login Kit


async def test_a_refresh_brings_a_new_pair_and_ends_the_old_one(box: Box) -> None:
    account = await box.account()

    reply = await box.client.refresh(APP, account["refresh_token"], timeout=T)

    assert reply.value.open_id == account["open_id"]
    assert set(reply.value.scopes) == set(account["scope"].split(","))
    assert await box.client.creator_info(reply.value.access_token.get_secret_value(), timeout=T)
    with pytest.raises(OAuthRefused) as caught:
        await box.client.refresh(APP, account["refresh_token"], timeout=T)
    assert caught.value.reading.kind is Class.REAUTHORIZE
    assert caught.value.log_id


@pytest.mark.parametrize("status", [200, 400, 401])
async def test_oauth_errors_are_read_under_every_status(box: Box, status: int) -> None:
    await box.ask("PATCH", "settings", {"oauth_error_status": status})
    wrong = App(client_key="awsimkey01", client_secret="wrong")

    for call in (
        box.client.client_token(wrong, timeout=T),
        box.client.refresh(wrong, "rft.x", timeout=T),
        box.client.exchange_code(wrong, "c", redirect_uri="https://a.example/cb", timeout=T),
        box.client.revoke(wrong, "act.x", timeout=T),
    ):
        with pytest.raises(OAuthRefused) as caught:
            await call
        assert (caught.value.code, caught.value.status) == ("invalid_client", status)


@pytest.mark.row("BO-09")
async def test_the_apps_own_token_is_no_users(box: Box) -> None:
    reply = await box.client.client_token(APP, timeout=T)

    assert reply.value.expires_in == 7200
    with pytest.raises(Refused):
        await box.client.creator_info(reply.value.access_token.get_secret_value(), timeout=T)


async def test_a_revocation_ends_the_token_and_is_told(box: Box) -> None:
    account = await box.account()

    await box.client.revoke(APP, account["access_token"], timeout=T)

    with pytest.raises(Refused) as caught:
        await box.client.creator_info(account["access_token"], timeout=T)
    assert (caught.value.status, caught.value.reading.kind) == (401, Class.REFRESH)
    (told,) = await eventually(lambda: box.ear.of(Event.AUTHORIZATION_REMOVED))
    assert (told.user_openid, told.reason) == (account["open_id"], Removal.DEVELOPER_REVOKED)


# Display API


@pytest.mark.row("BO-28", "BO-29", "BO-30", "BO-10", "BO-11", "BO-12", "BO-27")
@pytest.mark.parametrize(
    "scopes",
    [["user.info.basic"], ["user.info.basic", "user.info.stats"], ["user.info.basic", "user.info.profile"]],
)
async def test_exactly_the_fields_of_the_granted_scopes_are_answered(box: Box, scopes: list[str]) -> None:
    account = await box.account(scopes=scopes)

    user = (await box.client.user_info(account["access_token"], user_fields(scopes), timeout=T)).value

    assert user.open_id == account["open_id"]
    assert set(user.model_dump(exclude_none=True)) == set(user_fields(scopes))


@pytest.mark.row("BO-49")
async def test_a_field_outside_the_scopes_asks_for_another_grant(box: Box) -> None:
    token = await box.token(scopes=["user.info.basic"])

    with pytest.raises(Refused) as caught:
        await box.client.user_info(token, ["open_id", "likes_count"], timeout=T)

    assert (caught.value.code, caught.value.reading.kind) == ("scope_permission_missed", Class.REAUTHORIZE)


@pytest.mark.row("BO-13", "BO-31", "BO-32", "BO-46")
async def test_videos_are_paged_to_the_end_and_found_again(box: Box) -> None:
    token = await box.token(videos=25)

    first = (await box.client.video_list(token, VIDEO_FIELDS, timeout=T)).value
    second = (await box.client.video_list(token, VIDEO_FIELDS, cursor=first.cursor, timeout=T)).value

    assert (len(first.videos), first.has_more, len(second.videos), second.has_more) == (20, True, 5, False)
    every = [*first.videos, *second.videos]
    assert len({video.id for video in every}) == 25
    assert all(video.view_count is not None and video.create_time is not None for video in every)
    query = await box.client.video_query(token, ["id", "title"], [every[0].id, "7000000000000000001"], timeout=T)
    assert [(video.id, video.title) for video in query.value] == [(every[0].id, every[0].title)]


# Content Posting API


@pytest.mark.row("BO-33")
async def test_creator_info_is_the_creators(box: Box) -> None:
    token = await box.token(username="simuser", private=True, duet_disabled=True, max_video_s=300)

    creator = (await box.client.creator_info(token, timeout=T)).value

    assert creator.creator_username == "simuser"
    assert creator.privacy_level_options == ("FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY")
    assert (creator.duet_disabled, creator.max_video_post_duration_sec) == (True, 300)


@pytest.mark.row("BO-20", "BO-34")
async def test_a_direct_video_goes_out_byte_for_byte_and_is_told_in_signed_webhooks(box: Box) -> None:
    token, data = await box.token(), await box.sample()

    slot = (await box.client.video_init(token, PUBLIC, FileUpload(plan(len(data))), timeout=T)).value
    waiting = (await box.client.status_fetch(token, slot.publish_id, timeout=T)).value
    (answer,) = await box.upload(slot, data, plan(len(data)))
    await box.until(token, slot.publish_id, PublishStatus.PUBLISH_COMPLETE)
    (public,) = await eventually(lambda: box.ear.of(Event.POST_PUBLICLY_AVAILABLE))

    assert (waiting.status, waiting.uploaded_bytes or 0) == (PublishStatus.PROCESSING_UPLOAD, 0)
    assert (answer.kind, answer.received) == (ChunkKind.COMPLETE, len(data))
    seen = await box.ask("GET", f"publications/{slot.publish_id}")
    assert seen["media"][0]["sha256"] == hashlib.sha256(data).hexdigest()
    assert seen["post_info"]["title"] == "Hi all" and seen["post_info"]["disable_comment"] is True
    (complete,) = box.ear.of(Event.POST_COMPLETE)
    assert (complete.publish_id, complete.publish_type) == (slot.publish_id, "DIRECT_PUBLISH")
    assert public.post_id in (await box.until(token, slot.publish_id, PublishStatus.PUBLISH_COMPLETE)).post_ids
    assert box.ear.verdicts == {Verdict.OK}
    (video,) = (await box.client.video_query(token, VIDEO_FIELDS, [public.post_id], timeout=T)).value
    assert video.duration == 4


async def test_a_video_in_several_chunks_shows_its_progress_and_resumes_where_it_was(box: Box) -> None:
    token, data = await box.token(), bytes(64_000_001)
    made = plan(len(data))

    slot = (await box.client.video_init(token, PRIVATE, FileUpload(made), timeout=T)).value
    ahead = await box.put(slot, data, *made.range(1))
    first = await box.put(slot, data, *made.range(0))
    again = await box.put(slot, data, *made.range(0))
    status = (await box.client.status_fetch(token, slot.publish_id, timeout=T)).value
    last = await box.put(slot, data, *made.range(1))

    assert (ahead.kind, ahead.received) == (ChunkKind.RESYNC, 0)
    assert (first.kind, made.resume(first.received or -1)) == (ChunkKind.ACCEPTED, 1)
    assert (again.kind, made.resume(again.received or -1)) == (ChunkKind.RESYNC, 1)
    assert made.resume(status.uploaded_bytes or -1) == 1
    assert (last.kind, last.received) == (ChunkKind.COMPLETE, len(data))
    failed = await box.until(token, slot.publish_id, PublishStatus.FAILED)
    assert read_fail_reason(failed.fail_reason).kind is Class.USER_FIXABLE
    (told,) = await eventually(lambda: box.ear.of(Event.POST_FAILED))
    assert (told.publish_id, told.reason) == (slot.publish_id, failed.fail_reason)


@pytest.mark.row("BO-35", "BO-47")
async def test_an_upload_url_runs_out_after_its_hour(box: Box) -> None:
    token, data = await box.token(), bytes(10)
    slot = (await box.client.video_init(token, PRIVATE, FileUpload(plan(10)), timeout=T)).value

    await box.ask("POST", "clock/advance", {"seconds": 3601})

    assert (await box.put(slot, data, 0, 9)).kind is ChunkKind.EXPIRED


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("/upload?upload_id=1&upload_token=x", ChunkKind.UNKNOWN_TASK),
        ("/elsewhere?upload_id=1", ChunkKind.UNEXPECTED),
    ],
)
async def test_an_upload_that_is_none_is_said_so(box: Box, url: str, kind: ChunkKind) -> None:
    slot = UploadSlot.model_validate({"publish_id": "p", "upload_url": box.simulator.url + url})

    assert (await box.put(slot, bytes(10), 0, 9)).kind is kind


async def test_a_chunk_of_another_file_is_bad(box: Box) -> None:
    token = await box.token()
    slot = (await box.client.video_init(token, PRIVATE, FileUpload(plan(10)), timeout=T)).value

    assert (await box.put(slot, bytes(11), 0, 9)).kind is ChunkKind.BAD


@pytest.mark.row("BO-35")
async def test_a_draft_is_delivered_and_each_posting_of_it_is_an_event_of_its_own(box: Box) -> None:
    token, data = await box.token(), await box.sample()

    slot = (await box.client.inbox_video_init(token, FileUpload(plan(len(data))), timeout=T)).value
    await box.upload(slot, data, plan(len(data)))
    await box.until(token, slot.publish_id, PublishStatus.SEND_TO_USER_INBOX)
    for _ in range(2):
        await box.ask("POST", f"publications/{slot.publish_id}/post", {"privacy_level": "SELF_ONLY"})
        await box.ask("POST", "clock/advance", {"seconds": 5})

    await eventually(lambda: len(box.ear.of(Event.POST_COMPLETE)) == 2)
    (delivered,) = box.ear.of(Event.POST_INBOX_DELIVERED)
    assert delivered.publish_type == "INBOX_SHARE"
    assert len({semantic_key(told) for told in box.ear.of(Event.POST_COMPLETE)}) == 2


@pytest.mark.row("BO-36")
async def test_photos_are_pulled_and_published_in_order(box: Box) -> None:
    token = await box.token()
    photos = Photos(urls=tuple(f"{box.simulator.url}/_sim/sample-{n}.jpg" for n in (1, 2, 3)), cover_index=1)
    post = PhotoPost(photos=photos, privacy_level="SELF_ONLY", title="Trip", description="day 1 #sim")

    direct = (await box.client.content_init(token, post, timeout=T)).value
    draft = (await box.client.content_init(token, PhotoDraft(photos=photos, title="Trip"), timeout=T)).value

    await box.until(token, direct.publish_id, PublishStatus.PUBLISH_COMPLETE)
    await box.until(token, draft.publish_id, PublishStatus.SEND_TO_USER_INBOX)
    (seen,) = [post for post in (await box.ask("GET", "posts"))["posts"] if post["publish_id"] == direct.publish_id]
    assert (len(seen["media"]), seen["cover_index"], seen["title"]) == (3, 1, "Trip")


async def test_a_pull_is_published_and_a_running_one_can_be_cancelled(box: Box) -> None:
    token = await box.token()
    source = PullFromUrl(f"{box.simulator.url}/_sim/sample.mp4")

    done = (await box.client.video_init(token, PRIVATE, source, timeout=T)).value
    await box.until(token, done.publish_id, PublishStatus.PUBLISH_COMPLETE)
    await box.ask("PATCH", "settings", {"pull_delay_s": 3000})
    running = (await box.client.video_init(token, PRIVATE, source, timeout=T)).value
    waiting = (await box.client.status_fetch(token, running.publish_id, timeout=T)).value
    await box.client.cancel(token, running.publish_id, timeout=T)

    assert waiting.status == PublishStatus.PROCESSING_DOWNLOAD
    status = await box.until(token, running.publish_id, PublishStatus.FAILED)
    assert status.fail_reason == "publish_cancelled"
    with pytest.raises(Refused) as caught:
        await box.client.cancel(token, done.publish_id, timeout=T)
    assert caught.value.code == "publish_not_cancellable"


# Refusals


async def test_a_creator_who_cannot_post_is_refused_with_http_200(box: Box) -> None:
    banned, capped = await box.token(banned=True), await box.token(spent_posts=15)

    for token, code, kind in (
        (banned, "spam_risk_user_banned_from_posting", Class.STOP),
        (capped, "spam_risk_too_many_posts", Class.WAIT_CAP),
    ):
        with pytest.raises(Refused) as asked:
            await box.client.creator_info(token, timeout=T)
        with pytest.raises(Refused) as begun:
            await box.client.video_init(token, PRIVATE, FileUpload(plan(10)), timeout=T)
        assert (asked.value.status, asked.value.code, asked.value.reading.kind) == (200, code, kind)
        assert (begun.value.status, begun.value.code) == (403, code)
        assert not begun.value.may_have_taken_effect


@pytest.mark.row("BO-34", "BO-43")
async def test_the_seventh_init_of_a_minute_is_throttled_and_the_next_minute_is_not(box: Box) -> None:
    token = await box.token()
    source = FileUpload(plan(10))

    for _ in range(6):
        await box.client.video_init(token, PRIVATE, source, timeout=T)
    with pytest.raises(Throttled):
        await box.client.video_init(token, PRIVATE, source, timeout=T)
    await box.ask("POST", "clock/advance", {"seconds": 61})

    assert await box.client.video_init(token, PRIVATE, source, timeout=T)


@pytest.mark.row("BO-17", "BO-58")
async def test_an_unaudited_app_is_the_operators_to_mend(box: Box) -> None:
    await box.ask("PATCH", "settings", {"audited": False})
    token = await box.token(private=False)

    with pytest.raises(Refused) as caught:
        await box.client.video_init(token, PRIVATE, FileUpload(plan(10)), timeout=T)

    assert caught.value.reading.kind is Class.OPERATOR_FIXABLE


async def test_anothers_publish_id_and_none_at_all_are_told_apart(box: Box) -> None:
    mine, theirs = await box.token(), await box.token()
    slot = (await box.client.video_init(mine, PRIVATE, FileUpload(plan(10)), timeout=T)).value

    for publish_id, code in (
        (slot.publish_id, "token_not_authorized_for_specified_publish_id"),
        ("v_pub_file~v2-1.1", "invalid_publish_id"),
    ):
        with pytest.raises(Refused) as caught:
            await box.client.status_fetch(theirs, publish_id, timeout=T)
        assert (caught.value.code, caught.value.reading.kind) == (code, Class.PERMANENT)


@pytest.mark.parametrize("code", sorted(set(Code) - {Code.UNSUPPORTED_PATH}))
@pytest.mark.parametrize("data", ["empty", "absent"])
async def test_every_code_of_the_simulator_is_one_of_our_table(box: Box, code: Code, data: str) -> None:
    token = await box.token()
    await box.ask("PATCH", "settings", {"error_data": data})
    await box.ask("POST", "faults", {"do": "error", "code": code, "endpoint": "creator_info/query"})

    with pytest.raises(TikTokError) as caught:
        await box.client.creator_info(token, timeout=T)

    error = caught.value
    assert isinstance(error, Refused | ServerTrouble)
    assert (error.code, error.status) == (code, SPEC[code][0])
    assert error.log_id
    assert read_code(error.code).kind is not Class.UNKNOWN
    assert isinstance(error, ServerTrouble) == (code is Code.INTERNAL)
    assert isinstance(error, Throttled) == (code is Code.RATE_LIMIT)


@pytest.mark.parametrize("reason", list(FailReason))
def test_every_fail_reason_of_the_simulator_is_one_of_our_table(reason: FailReason) -> None:
    assert read_fail_reason(reason).kind is not Class.UNKNOWN


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "server_error", "temporarily_unavailable"])
async def test_an_oauth_error_is_one_of_our_table(box: Box, error: str) -> None:
    await box.ask("POST", "faults", {"do": "error", "oauth_error": error, "endpoint": "oauth/token"})

    with pytest.raises(OAuthRefused) as caught:
        await box.client.client_token(APP, timeout=T)

    assert caught.value.reading == read_oauth(error)


# Faults


@pytest.mark.waits_long
@pytest.mark.parametrize(
    ("fault", "kind", "begun"),
    [
        ({"do": "status", "status": 502}, ServerTrouble, 0),
        ({"do": "status_after", "status": 503}, ServerTrouble, 1),
        ({"do": "reset"}, NoReply, 0),
        ({"do": "reset_after"}, NoReply, 1),
        ({"do": "hang", "seconds": 30}, NoReply, 0),
        ({"do": "hang_after", "seconds": 30}, NoReply, 1),
        ({"do": "slow_body", "seconds": 1}, NoReply, 1),
        ({"do": "truncated_body"}, (NoReply, Unreadable), 1),
        ({"do": "garbage_after"}, Unreadable, 1),
    ],
)
async def test_an_init_whose_reply_is_lost_is_ambiguous_because_it_is(
    box: Box, fault: dict[str, Any], kind: type[TikTokError], begun: int
) -> None:
    token = await box.token()
    await box.ask("POST", "faults", fault | {"endpoint": "video/init"})

    with pytest.raises(kind) as caught:
        await box.client.video_init(token, PRIVATE, FileUpload(plan(10)), timeout=1.5 if "seconds" in fault else T)

    assert caught.value.may_have_taken_effect
    assert len((await box.ask("GET", "publications"))["publications"]) == begun


async def test_a_last_chunk_whose_reply_is_lost_was_received_and_the_status_says_so(box: Box) -> None:
    token, data = await box.token(), await box.sample()
    slot = (await box.client.video_init(token, PRIVATE, FileUpload(plan(len(data))), timeout=T)).value
    await box.ask("POST", "scenarios/last_chunk_reply_lost", {})

    with pytest.raises(NoReply) as caught:
        await box.upload(slot, data, plan(len(data)))

    assert caught.value.sent
    await box.until(token, slot.publish_id, PublishStatus.PUBLISH_COMPLETE)


async def test_a_chunk_that_meets_trouble_can_be_sent_again(box: Box) -> None:
    token, data = await box.token(), await box.sample()
    slot = (await box.client.video_init(token, PRIVATE, FileUpload(plan(len(data))), timeout=T)).value
    await box.ask("POST", "faults", {"do": "status", "status": 502, "endpoint": "upload"})

    answers = [(await box.upload(slot, data, plan(len(data))))[0].kind for _ in range(2)]

    assert answers == [ChunkKind.TROUBLE, ChunkKind.COMPLETE]


# Webhooks and chunk law


@pytest.mark.parametrize("event", sorted(SPELLINGS))
async def test_every_spelling_of_every_event_is_heard_as_one(box: Box, event: str) -> None:
    account = await box.account()
    content = {"publish_id": "p", "post_id": "7", "share_id": "s", "request_id": 5, "reason": "x"}

    await box.ask("POST", "webhooks", {"event": event, "content": content, "user_openid": account["open_id"]})

    (told,) = await eventually(lambda: box.ear.heard)
    assert (told.event, told.raw_event, told.known) == (SPELLINGS[event], event, True)
    assert box.ear.verdicts == {Verdict.OK}


@pytest.mark.parametrize("part", ["signature", "body", "secret"])
async def test_a_corrupted_webhook_does_not_verify(box: Box, part: str) -> None:
    account = await box.account()
    await box.ask("POST", "faults", {"do": "corrupt", "part": part})

    await box.ask("POST", f"accounts/{account['username']}/disconnect")

    await eventually(lambda: box.ear.verdicts)
    assert Verdict.OK not in box.ear.verdicts


edges = st.sampled_from([1, 4_999_999, 5_242_879, 5_242_880, 10_485_760, 32_000_000, 64_000_000, 128_000_000, 4 << 30])
near = st.builds(lambda edge, off: max(0, edge + off), edges, st.integers(-2, 2))
sizes = near | st.integers(0, 5 << 30)


@given(size=sizes, chunk_size=near | st.integers(0, 130_000_000), data=st.data())
def test_both_readings_of_the_chunk_law_agree(size: int, chunk_size: int, data: st.DataObject) -> None:
    whole = size // chunk_size if chunk_size else 1
    count = data.draw(st.sampled_from([0, 1, whole - 1, whole, whole + 1]) | st.integers(0, 1100))
    step = data.draw(st.sampled_from([chunk_size, size]))

    try:
        check_plan(size, step, count, knobs=Knobs())
        accepted = True
    except RefusedByRule:
        accepted = False

    assert is_legal(size, step, count) is accepted


@given(size=st.integers(1, 4 << 30))
def test_every_plan_of_ours_is_taken(size: int) -> None:
    made = plan(size)

    check_plan(made.size, made.chunk_size, made.count, knobs=Knobs())
