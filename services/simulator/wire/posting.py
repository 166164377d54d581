"""Content Posting: creator_info and the three inits (fact sheet 3.1 to 3.4)."""

from datetime import datetime, timedelta
from typing import Any

from services.simulator.engine.spool import Spool
from services.simulator.engine.stage import Stage
from services.simulator.wire.answer import Answer, ok
from services.simulator.wire.gate import Endpoint
from services.simulator.wire.link import Links
from services.simulator.wire.request import Caller, Request
from services.simulator.world import cap, post_rule
from services.simulator.world.error import Refused
from services.simulator.world.post_rule import PullPlan, UploadPlan
from services.simulator.world.record import Kind, Mode, Publication, Pull, Source, Status, Upload

SCOPE = {Mode.DIRECT: "video.publish", Mode.INBOX: "video.upload"}
PREFIX = {
    (Kind.VIDEO, Mode.DIRECT, Source.FILE): "v_pub_file~v2-1",
    (Kind.VIDEO, Mode.DIRECT, Source.PULL): "v_pub_url~v2",
    (Kind.VIDEO, Mode.INBOX, Source.FILE): "v_inbox_file~v2",
    (Kind.VIDEO, Mode.INBOX, Source.PULL): "v_inbox_url~v2",
    (Kind.PHOTO, Mode.DIRECT, Source.PULL): "p_pub_url~v2",
    (Kind.PHOTO, Mode.INBOX, Source.PULL): "p_pub_url~v2",
}


class Posting:
    """Inits are not idempotent: every accepted one is a new publication and spends a cap."""

    def __init__(self, stage: Stage, spool: Spool, links: Links) -> None:
        self._stage = stage
        self._spool = spool
        self._links = links

    async def creator_info(self, request: Request) -> Answer:
        caller = request.caller()
        caller.need("video.publish", *(("video.upload",) if request.knobs.creator_info_scope == "any" else ()))
        caller.spend(request, "creator_info/query", request.knobs.limit_creator_info)
        request.json()
        creator, client = caller.creator, caller.client
        code = cap.cannot_post(creator, client, now=request.now, knobs=request.knobs)
        if code is not None:
            raise Refused(code, status=200)  # on purpose HTTP 200 (fact sheet 3.1)
        data = {
            "creator_avatar_url": self._links.avatar(creator.union_id, now=request.now),
            "creator_username": creator.username,
            "creator_nickname": creator.display_name,
            "privacy_level_options": cap.privacy_options(creator, client, knobs=request.knobs),
            "comment_disabled": creator.comment_disabled,
            "duet_disabled": creator.duet_disabled or creator.private,
            "stitch_disabled": creator.stitch_disabled or creator.private,
            "max_video_post_duration_sec": creator.max_video_s,
        }
        return ok(data, log_id=request.log_id)

    async def video(self, request: Request) -> Answer:
        caller = request.caller()
        caller.need(SCOPE[Mode.DIRECT])
        caller.spend(request, "video/init", request.knobs.limit_init)
        body = request.json()
        info = post_rule.video_post_info(body)
        plan = post_rule.video_source(body, client=caller.client, knobs=request.knobs)
        self._check_direct(request, caller, info)
        return self._init(request, caller, kind=Kind.VIDEO, mode=Mode.DIRECT, plan=plan, info=info)

    async def inbox(self, request: Request) -> Answer:
        caller = request.caller()
        caller.need(SCOPE[Mode.INBOX])
        caller.spend(request, "inbox/video/init", request.knobs.limit_init)
        plan = post_rule.video_source(request.json(), client=caller.client, knobs=request.knobs)
        self._check_draft(request, caller)
        return self._init(request, caller, kind=Kind.VIDEO, mode=Mode.INBOX, plan=plan, info={})

    async def photos(self, request: Request) -> Answer:
        caller = request.caller()
        # The scope depends on post_mode, so a body without a usable one is judged first.
        mode = post_rule.photo_mode(request.json())
        caller.need(SCOPE[mode])
        caller.spend(request, "content/init", request.knobs.limit_init)
        body = request.json()
        info = post_rule.photo_post_info(body, mode=mode)
        plan = post_rule.photo_source(body, client=caller.client, knobs=request.knobs)
        if mode is Mode.DIRECT:
            self._check_direct(request, caller, info)
        else:
            cap.check_app_version(caller.creator)
            self._check_draft(request, caller)
        return self._init(request, caller, kind=Kind.PHOTO, mode=mode, plan=plan, info=info)

    def _check_direct(self, request: Request, caller: Caller, info: dict[str, Any]) -> None:
        level = str(info["privacy_level"])
        cap.check_direct(caller.creator, caller.client, level, now=request.now, knobs=request.knobs)
        post_rule.check_branded(info, knobs=request.knobs)

    def _check_draft(self, request: Request, caller: Caller) -> None:
        drafts = request.world.publications_of(caller.creator.union_id)
        cap.check_pending(caller.creator, drafts, now=request.now, knobs=request.knobs)

    def _init(
        self,
        request: Request,
        caller: Caller,
        *,
        kind: Kind,
        mode: Mode,
        plan: UploadPlan | PullPlan,
        info: dict[str, Any],
    ) -> Answer:
        world, now = request.world, request.now
        number = world.ids.number(now)
        source = Source.FILE if isinstance(plan, UploadPlan) else Source.PULL
        pub = Publication(
            publish_id=f"{PREFIX[kind, mode, source]}.{number}",
            open_id=caller.grant.open_id,
            client_key=caller.client.key,
            union_id=caller.creator.union_id,
            kind=kind,
            mode=mode,
            source=source,
            created_at=now,
            post_info=info,
            status=Status.UPLOADING if source is Source.FILE else Status.DOWNLOADING,
        )
        data: dict[str, Any] = {"publish_id": pub.publish_id}
        if isinstance(plan, UploadPlan):
            pub.upload = self._upload(request, plan, now)
            data["upload_url"] = self._links.upload(pub.upload.upload_id, pub.upload.token)
        else:
            pub.pull, pub.cover_index = Pull(plan.urls, deadline=now), plan.cover_index
        pub.history.append((now, "init"))
        for media in world.add_publication(pub):
            self._spool.drop(media.path)
        if mode is Mode.DIRECT:
            cap.count_direct(caller.creator, caller.client, now=now)
        if pub.upload is not None:
            self._stage.expect_upload(pub, pub.upload)
        if pub.pull is not None:
            self._stage.start_pull(pub, pub.pull, now=now)
        request.call.publish_id = pub.publish_id
        return ok(data, log_id=request.log_id)

    def _upload(self, request: Request, plan: UploadPlan, now: datetime) -> Upload:
        upload_id = request.world.ids.number(now)
        return Upload(
            upload_id=upload_id,
            token=request.world.ids.token("", 32),
            size=plan.size,
            chunk_size=plan.chunk_size,
            chunk_count=plan.count,
            expires_at=now + timedelta(seconds=request.knobs.upload_url_ttl_s),
        )

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("creator_info/query", "POST", "/v2/post/publish/creator_info/query/", self.creator_info),
            Endpoint("video/init", "POST", "/v2/post/publish/video/init/", self.video),
            Endpoint("inbox/video/init", "POST", "/v2/post/publish/inbox/video/init/", self.inbox),
            Endpoint("content/init", "POST", "/v2/post/publish/content/init/", self.photos),
        ]
