"""Checks of section 2: the Display API."""

from typing import Any

from tests.contract.simulator.box import Box, Reply
from tests.contract.simulator.sheet import proves

ALL = (
    "id,create_time,cover_image_url,share_url,video_description,duration,height,width,title,embed_html,embed_link,"
    "like_count,comment_count,share_count,view_count,is_aigc"
)
BASIC = "open_id,union_id,avatar_url,avatar_url_100,avatar_large_url,display_name"
PROFILE = "profile_deep_link,bio_description,is_verified,username"
STATS = "follower_count,following_count,likes_count,video_count"


async def listed(box: Box, token: str, body: Any, fields: str = "id,create_time") -> Reply:
    return await box.post(f"video/list/?fields={fields}", token, body)


@proves("2.1.01", "2.1.05")
async def user_info_answers_the_fields_that_were_asked(box: Box) -> None:
    token = await box.token()
    assert (await box.call("GET", "/v2/user/info/", headers={"Authorization": f"Bearer {token}"})).status == 400
    assert (await box.user(token, "no_such_field")).code == "invalid_params"
    assert set((await box.user(token, "display_name,open_id")).data["user"]) == {"display_name", "open_id"}


@proves("2.1.02", "2.1.03", "2.1.04", "2.1.06")
async def each_scope_opens_its_own_fields(box: Box) -> None:
    scopes = {"user.info.basic": BASIC, "user.info.profile": PROFILE, "user.info.stats": STATS}
    for scope, fields in scopes.items():
        token = await box.token(scopes=[scope], followers=7, bio="Hello", verified=True)
        assert set((await box.user(token, fields)).data["user"]) == set(fields.split(","))
        for other, foreign in scopes.items():
            for field in foreign.split(",") if other != scope else ():
                reply = await box.user(token, field)
                assert (reply.status, reply.code) == (400, "scope_permission_missed"), field
    everything = (await box.user(await box.token(followers=7), ",".join(scopes.values()))).data["user"]
    assert everything["follower_count"] == 7 and everything["is_verified"] is False
    none = await box.user(await box.token(scopes=["video.publish"]), "open_id")
    assert (none.status, none.code) == (401, "scope_not_authorized")


@proves("2.1.06")
async def out_of_scope_fields_can_be_left_out_instead(box: Box) -> None:
    await box.turn(out_of_scope_field="omit", username_scope="basic")
    token = await box.token(scopes=["user.info.basic"])
    user = (await box.user(token, "open_id,username,follower_count")).data["user"]
    assert set(user) == {"open_id", "username"}


@proves("2.2.01")
async def videos_need_their_scope(box: Box) -> None:
    token = await box.token(scopes=["user.info.basic"])
    for reply in (await listed(box, token, {}), await box.post("video/query/?fields=id", token, {})):
        assert (reply.status, reply.code) == (401, "scope_not_authorized")


@proves("2.2.02", "2.2.03", "2.2.04", "2.2.05")
async def video_list_pages_back_in_time(box: Box) -> None:
    token = await box.token(videos=25)
    first = (await listed(box, token, {})).data
    assert len(first["videos"]) == 10 and first["has_more"] is True
    times = [video["create_time"] for video in first["videos"]]
    assert times == sorted(times, reverse=True)
    assert first["cursor"] // 1000 == times[-1]
    second = (await listed(box, token, {"cursor": first["cursor"], "max_count": 20})).data
    assert len(second["videos"]) == 15 and second["has_more"] is False
    assert not {video["id"] for video in first["videos"]} & {video["id"] for video in second["videos"]}
    between = (await listed(box, token, {"cursor": times[3] * 1000 + 500})).data["videos"]
    assert between[0]["create_time"] <= times[3]
    for body in ({"max_count": 21}, {"max_count": 0}, {"max_count": "5"}, {"cursor": "x"}, {"cursor": -1}):
        assert (await listed(box, token, body)).code == "invalid_params"


@proves("2.2.04", "3.5.03")
async def only_public_posts_are_listed(box: Box) -> None:
    await box.turn(audited=True, processing_s=0, public_id_delay_s=60)
    token = await box.token()
    for level in ("SELF_ONLY", "MUTUAL_FOLLOW_FRIENDS", "PUBLIC_TO_EVERYONE"):
        await box.upload(await box.init(token, privacy_level=level, title=level))
    assert (await listed(box, token, {})).data["videos"] == []
    box.advance(60)
    assert len((await listed(box, token, {})).data["videos"]) == 1
    post_id = (await listed(box, token, {})).data["videos"][0]["id"]
    await box.sim("POST", f"posts/{post_id}/remove")
    assert (await listed(box, token, {})).data["videos"] == []


@proves("2.3.01", "2.3.02")
async def video_query_knows_the_owners_videos_only(box: Box) -> None:
    mine, theirs = await box.token(videos=3), await box.token(videos=3)
    own = [video["id"] for video in (await listed(box, mine, {})).data["videos"]]
    foreign = [video["id"] for video in (await listed(box, theirs, {})).data["videos"]]

    async def query(ids: Any) -> Reply:
        return await box.post("video/query/?fields=id", mine, {"filters": {"video_ids": ids}})

    assert [video["id"] for video in (await query([*own, *foreign, "1"])).data["videos"]] == own
    assert (await query(["x1"])).message == "Video ID x1 must be an integer"
    assert (await query([str(n) for n in range(20)])).status == 200
    for wrong in ([str(n) for n in range(21)], [], None, "1"):
        assert (await query(wrong)).code == "invalid_params"


@proves("2.3.03", "2.3.05", "0.06", "3.5.11")
async def a_video_has_the_documented_fields_and_types(box: Box) -> None:
    await box.turn(audited=True, processing_s=0, public_id_delay_s=0)
    token = await box.token(username="anna")
    publish_id = await box.upload(await box.init(token, title="😀" * 200, privacy_level="PUBLIC_TO_EVERYONE"))
    (video,) = (await listed(box, token, {}, ALL)).data["videos"]
    assert set(video) == set(ALL.split(","))
    texts = ("id", "cover_image_url", "share_url", "video_description", "title", "embed_html", "embed_link")
    assert all(isinstance(video[name], str) for name in texts)
    assert all(type(video[name]) is int for name in ALL.split(",") if name not in (*texts, "is_aigc"))
    assert video["is_aigc"] is False
    assert video["title"] == "😀" * 75 and len(video["video_description"].encode("utf-16-le")) == 300
    assert video["create_time"] == int(box.clock.now().timestamp())
    status = (await box.status(token, publish_id)).data
    assert video["id"] == str(status["publicaly_available_post_id"][0]) and int(video["id"]) > 1 << 53
    assert len(video["id"]) == 19
    assert video["share_url"].partition("?")[0] == f"https://www.tiktok.com/@anna/video/{video['id']}"
    assert (await listed(box, token, {}, "id,nope")).code == "invalid_params"


@proves("2.3.04", "3.1.02")
async def picture_links_expire(box: Box) -> None:
    await box.turn(audited=True, processing_s=0, public_id_delay_s=0, check_media=True)
    token = await box.token()
    sample = await box.http.get(f"{box.url}/_sim/sample.mp4")
    data = await sample.read()
    reply = await box.init(token, size=len(data), privacy_level="PUBLIC_TO_EVERYONE")
    await box.until(token, await box.upload(reply, data), "PUBLISH_COMPLETE")
    cover = (await listed(box, token, {}, "cover_image_url")).data["videos"][0]["cover_image_url"]
    avatar = (await box.post("post/publish/creator_info/query/", token)).data["creator_avatar_url"]
    assert [(await box.call("GET", url)).status for url in (cover, avatar)] == [200, 200]
    box.advance(7200)
    assert [(await box.call("GET", url)).status for url in (cover, avatar)] == [200, 403]
    box.advance(4 * 3600)
    assert (await box.call("GET", cover)).status == 403
