"""Status and cancel (fact sheet 3.5, 3.6), and the gated research path."""

from datetime import timedelta
from typing import Any

from services.simulator.engine.stage import Stage
from services.simulator.wire.answer import Answer, ok
from services.simulator.wire.gate import Endpoint
from services.simulator.wire.request import Caller, Request
from services.simulator.world import oauth
from services.simulator.world.error import Code, Refused
from services.simulator.world.record import RESEARCH_SCOPE, Publication, Status


class Progress:
    """A failed post is still HTTP 200 and `ok`; unset fields are left out."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def status(self, request: Request) -> Answer:
        caller = request.caller()
        caller.need("video.publish", "video.upload")
        caller.spend(request, "status/fetch", request.knobs.limit_status)
        return ok(status_data(_owned(request, caller)), log_id=request.log_id)

    async def cancel(self, request: Request) -> Answer:
        caller = request.caller()
        caller.spend(request, "cancel", request.knobs.limit_cancel)
        self._stage.cancel(_owned(request, caller), now=request.now)
        return ok(None, log_id=request.log_id)

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("status/fetch", "POST", "/v2/post/publish/status/fetch/", self.status),
            Endpoint("cancel", "POST", "/v2/post/publish/cancel/", self.cancel),
            Endpoint("research/video/comment/list", "POST", "/v2/research/video/comment/list/", comments),
        ]


def _owned(request: Request, caller: Caller) -> Publication:
    publish_id = request.json().get("publish_id")
    if not isinstance(publish_id, str) or not publish_id:
        raise Refused(Code.INVALID_PARAMS, "publish_id is required")
    pub = request.world.publications.get(publish_id)
    keep = request.knobs.publish_id_retention_s
    if pub is None or (keep is not None and request.now > pub.created_at + timedelta(seconds=keep)):
        raise Refused(Code.INVALID_PUBLISH_ID)
    if pub.open_id != caller.grant.open_id:
        raise Refused(Code.NOT_YOUR_PUBLISH_ID)
    return pub


def status_data(pub: Publication) -> dict[str, Any]:
    """`data` of status/fetch; `publicaly_available_post_id` is spelled so, and holds raw numbers."""
    data: dict[str, Any] = {"status": pub.status.value}
    if pub.fail_reason is not None:
        data["fail_reason"] = pub.fail_reason.value
    if pub.public_ids and pub.status is Status.COMPLETE:
        data["publicaly_available_post_id"] = list(pub.public_ids)
    if pub.status is Status.UPLOADING and pub.upload is not None:
        data["uploaded_bytes"] = pub.upload.received
    if pub.status is Status.DOWNLOADING and pub.pull is not None:
        data["downloaded_bytes"] = pub.pull.downloaded
    return data


async def comments(request: Request) -> Answer:
    """Research API: needs a client token of an approved app; user tokens are of no use here."""
    token = oauth.live_token(request.world, request.bearer(), now=request.now)
    if token is None or token.open_id is not None:
        raise Refused(Code.TOKEN_INVALID)
    if RESEARCH_SCOPE not in token.scopes:
        raise Refused(Code.SCOPE_NOT_AUTHORIZED)
    fields, body = request.fields(), request.json()
    video_id = body.get("video_id")
    if isinstance(video_id, bool) or not isinstance(video_id, int):
        raise Refused(Code.INVALID_PARAMS, "video_id must be an int64")
    post = request.world.posts.get(video_id)
    owner = request.world.creators.get(post.union_id) if post is not None and post.public else None
    rows = [row for row in owner.comments if row.get("video_id") == video_id] if owner else []
    shown = [{name: row[name] for name in fields if name in row} for row in rows[:100]]
    return ok({"comments": shown, "cursor": len(shown), "has_more": False}, log_id=request.log_id)
