"""What TikTok lets an app do, and what it does not: each with the reason, so that nobody has to guess at a 404."""

from dataclasses import dataclass
from typing import Final

from libs.model.problem import Problem


@dataclass(frozen=True, slots=True)
class Capability:
    """`reason` says why not; empty: it is supported. `paths` are where somebody would look for it, beneath `/v1`."""

    name: str
    title: str
    reason: str = ""
    instead: str = ""
    paths: tuple[str, ...] = ()
    applies: bool = True
    """False: nothing of the kind exists on TikTok."""
    gated: bool = False
    """TikTok has it, for those it has approved: no key of Clipwire's reaches it."""

    @property
    def supported(self) -> bool:
        return not self.reason

    def refusal(self) -> Problem:
        """The answer to whoever asks for it all the same."""
        return Problem(
            code="capability_not_supported",
            title=f"{self.title} is not supported",
            status=422,
            detail=self.reason,
            remedy=self.instead or "There is no way to do this by TikTok's API.",
            extra={"capability": self.name, "applies": self.applies, "gated": self.gated},
        )


_NO_COMMENTS = "TikTok's API for apps neither shows comments nor writes them."
_AT_PUBLISH = "Whether a post may be commented on is set with disable_comment when it is published."

CAPABILITIES: Final = (
    Capability("video_post", "Publishing videos"),
    Capability("photo_post", "Publishing photos"),
    Capability("draft", "Sending drafts to the creator's inbox"),
    Capability("schedule", "Publishing at a given time"),
    Capability("profile", "Showing the creator's profile and numbers"),
    Capability("video_list", "Listing the creator's public videos"),
    Capability("stats", "Numbers of accounts and public posts over time"),
    Capability("post_events", "Hearing what becomes of a post"),
    Capability("comments", "Reading and writing comments", _NO_COMMENTS, _AT_PUBLISH,
               ("/comments", "/posts/{id}/comments")),
    Capability("comment_reply", "Replying to comments", _NO_COMMENTS, _AT_PUBLISH, ("/posts/{id}/comments/reply",)),
    Capability("comment_moderation", "Moderating comments", _NO_COMMENTS, _AT_PUBLISH,
               ("/posts/{id}/comments/moderate",)),
    Capability("comment_toggle", "Switching comments on or off after publishing",
               "TikTok's API sets this at publishing only.", "The creator can change it in the TikTok app.",
               ("/posts/{id}/comments/settings",)),
    Capability("direct_messages", "Direct messages",
               "TikTok's Business Messaging is a beta for partners, closed to the US, the EEA, the UK and Switzerland.",
               paths=("/messages", "/conversations"), gated=True),
    Capability("research", "Searching public videos and comments",
               "TikTok's Research API is for academic researchers it has approved, in some regions, under a token of"
               " their own.",
               "GET /v1/accounts/{id}/videos has a connected creator's own videos.", ("/research",), gated=True),
    Capability("reviews", "Reviews", "TikTok has no reviews.", paths=("/reviews",), applies=False),
    Capability("mentions", "Mentions", "TikTok's API does not show mentions, and no webhook tells of them.",
               paths=("/mentions",)),
    Capability("delete_published", "Deleting what is published",
               "TikTok lets no app delete a published post or a draft in the creator's inbox.",
               "Its creator can delete it in the TikTok app. What has not been sent yet can be cancelled."),
    Capability("edit_published", "Editing what is published", "TikTok lets no app change a published post.",
               "Its creator can change some of it in the TikTok app. Drafts and scheduled posts can be changed here.",
               ("/posts/{id}/edit",)),
    Capability("sound_library", "Choosing a sound of TikTok's library",
               "TikTok's API takes no sound; only photo posts may ask for music by auto_add_music.",
               "Mix the sound into the video, or send a draft and choose it in the TikTok app.", ("/sounds",)),
    Capability("duet_stitch", "Making duets and stitches",
               "TikTok's API makes neither; it only sets whether others may, with disable_duet and disable_stitch.",
               paths=("/posts/{id}/duet", "/posts/{id}/stitch")),
    Capability("live", "Going live", "TikTok's API for apps has no LIVE.", paths=("/live",)),
    Capability("effects", "Effects and filters", "TikTok's API applies neither.",
               "Apply them before uploading, or send a draft and use those of the TikTok app.", ("/effects",)),
    Capability("for_you_analytics", "For You analytics", "TikTok's API shows no analytics of the For You feed.",
               "GET /v1/accounts/{id}/videos has each video's views, likes, comments and shares.", ("/analytics",)),
    Capability("playlists", "Playlists", "TikTok's API neither shows nor changes playlists.", paths=("/playlists",)),
    Capability("text_post", "Posts of text alone", "TikTok posts are a video or photos.", "Add media.",
               ("/text-posts",)),
    Capability("threads", "Chains of posts", "TikTok has no chains of posts.", "Send single posts.", ("/threads",),
               applies=False),
)  # fmt: skip
UNSUPPORTED: Final = {one.name: one for one in CAPABILITIES if not one.supported}
