"""What is true, as JSON for tests and the page: `/_sim/world` and its parts."""

from collections.abc import Iterable
from typing import Any

from services.simulator.engine.webhook import Webhook
from services.simulator.log import blot_url
from services.simulator.world.record import Media, Post, Publication
from services.simulator.world.world import World


def media_view(media: Media) -> dict[str, Any]:
    return {
        "sha256": media.sha256,
        "bytes": media.size,
        "content_type": media.content_type,
        "kept": media.path is not None and media.path.exists(),
        "url": blot_url(media.url) if media.url else None,
        "facts": {k: v for k, v in media.facts.items() if k != "cover"} if media.facts else None,
    }


def publication_view(pub: Publication) -> dict[str, Any]:
    """`published` counts how often it went to a profile: more than once only for drafts."""
    upload, pull = pub.upload, pub.pull
    return {
        "publish_id": pub.publish_id,
        "open_id": pub.open_id,
        "client_key": pub.client_key,
        "kind": pub.kind.value,
        "mode": pub.mode.value,
        "source": pub.source.value,
        "status": pub.status.value,
        "fail_reason": pub.fail_reason.value if pub.fail_reason else None,
        "created_at": pub.created_at.isoformat(),
        "received_at": pub.received_at.isoformat() if pub.received_at else None,
        "post_info": pub.post_info,
        "published": pub.published,
        "post_ids": [str(post_id) for post_id in pub.post_ids],
        "public_ids": [str(post_id) for post_id in pub.public_ids],
        "stuck": pub.stuck,
        "media": [media_view(media) for media in pub.media],
        "upload": None
        if upload is None
        else {
            "upload_id": str(upload.upload_id),
            "bytes": upload.size,
            "received": upload.received,
            "chunk_size": upload.chunk_size,
            "chunk_count": upload.chunk_count,
            "chunks": upload.chunks,
            "puts": upload.puts,
            "refused": upload.refused,
            "expires_at": upload.expires_at.isoformat(),
            "sha256": upload.digest.hexdigest() if upload.complete else None,
        },
        "pull": None
        if pull is None
        else {
            "urls": [blot_url(url) for url in pull.urls],
            "downloaded": pull.downloaded,
            "fetched": pull.fetched,
            "attempts": pull.attempts,
            "deadline": pull.deadline.isoformat(),
        },
        "history": [{"at": at.isoformat(), "what": what} for at, what in pub.history],
    }


def post_view(world: World, post: Post) -> dict[str, Any]:
    creator = world.creators.get(post.union_id)
    pub = world.publications.get(post.publish_id) if post.publish_id else None
    return {
        "post_id": str(post.post_id),
        "publish_id": post.publish_id,
        "open_id": pub.open_id if pub else None,
        "username": creator.username if creator else None,
        "kind": post.kind.value,
        "privacy_level": post.privacy,
        "title": post.title,
        "description": post.description,
        "settings": post.settings,
        "created_ms": post.created_ms,
        "public": post.public,
        "removed": post.removed,
        "duration_s": post.duration_s,
        "width": post.width,
        "height": post.height,
        "cover_index": pub.cover_index if pub else 0,
        "sha256": [media.sha256 for media in post.media],
        "media": [media_view(media) for media in post.media],
        "stats": post.stats,
    }


def webhook_view(hook: Webhook) -> dict[str, Any]:
    return {
        "seq": hook.seq,
        "event": hook.event,
        "client_key": hook.client_key,
        "open_id": hook.open_id,
        "publish_id": hook.publish_id,
        "body": hook.body.decode("utf-8", "replace"),
        "state": hook.state.value,
        "corrupt": hook.corrupt,
        "copy_of": hook.copy_of,
        "created_at": hook.created_at.isoformat(),
        "next_at": hook.next_at.isoformat() if hook.next_at and hook.state.value == "pending" else None,
        "attempts": [
            {"at": a.at.isoformat(), "t": a.t, "status": a.status, "error": a.error, "ms": round(a.ms, 1)}
            for a in hook.attempts
        ],
    }


def duplicates(shown: Iterable[Post]) -> list[dict[str, Any]]:
    """Those on one profile with the same words and bytes from different inits: something was published twice."""
    groups: dict[tuple[str, str, str, tuple[str, ...]], list[Post]] = {}
    for post in shown:
        if post.publish_id is not None and not post.removed:
            key = (post.union_id, post.title, post.description, tuple(media.sha256 for media in post.media))
            groups.setdefault(key, []).append(post)
    return [
        {"post_ids": [str(p.post_id) for p in posts], "publish_ids": [p.publish_id for p in posts], "title": title}
        for (_, title, _, _), posts in groups.items()
        if len({post.publish_id for post in posts}) > 1
    ]
