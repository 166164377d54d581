"""A post's settings in TikTok's words; they are the request's own, but for what its creator has turned off."""

from collections.abc import Collection

from libs.model.post import Post
from libs.store.media import Media
from libs.tiktok.posting import PhotoDraft, PhotoPost, Photos, VideoPost


def video_post(post: Post, media: Media, *, off: Collection[str]) -> VideoPost:
    """`post_info` of a direct video. A cover that stands in the file has its own moment; `off` are fields that are true
    whatever was asked for (`libs.model.creator.disabled`)."""
    asked = post.request
    return VideoPost(
        privacy_level=asked["privacy_level"],
        title=asked["title"] or None,
        disable_comment=asked["disable_comment"] or "disable_comment" in off,
        disable_duet=asked["disable_duet"] or "disable_duet" in off,
        disable_stitch=asked["disable_stitch"] or "disable_stitch" in off,
        video_cover_timestamp_ms=asked["video_cover_timestamp_ms"] if media.cover_ms is None else media.cover_ms,
        brand_content_toggle=asked["brand_content_toggle"],
        brand_organic_toggle=asked["brand_organic_toggle"],
        is_aigc=asked["is_aigc"],
    )


def photo_post(post: Post, urls: tuple[str, ...], *, off: Collection[str]) -> PhotoPost | PhotoDraft:
    """A photo post in TikTok's words. A draft has a title and a description only; its creator sets the rest."""
    asked = post.request
    photos = Photos(urls=urls, cover_index=asked["photo_cover_index"] or 0)
    title, description = asked["title"] or None, asked["description"] or None
    if post.inbox:
        return PhotoDraft(photos=photos, title=title, description=description)
    return PhotoPost(
        photos=photos,
        privacy_level=asked["privacy_level"],
        title=title,
        description=description,
        disable_comment=asked["disable_comment"] or "disable_comment" in off,
        auto_add_music=bool(asked["auto_add_music"]),
        brand_content_toggle=asked["brand_content_toggle"],
        brand_organic_toggle=asked["brand_organic_toggle"],
    )
