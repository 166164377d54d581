"""What cancelling does to a post, decided without I/O. It never claims what is not certain."""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from libs.model.change import Change, cancel
from libs.model.post import Post, PostState
from libs.model.problem import Problem


@dataclass(frozen=True, slots=True)
class AtOnce:
    """Nothing of it is at TikTok: saving this cancels it, unless somebody went on with it meanwhile."""

    change: Change


@dataclass(frozen=True, slots=True)
class AskDriver:
    """Somebody may be sending it: whoever holds its lease is asked, and may be too late."""


def cancelling(post: Post, *, now: datetime) -> AtOnce | AskDriver | Problem:
    """The one thing that may be done in this state."""
    match post.state:
        case PostState.DRAFT | PostState.SCHEDULED | PostState.QUEUED:
            return AtOnce(cancel(post, now=now))
        case PostState.INITIALIZING | PostState.UPLOADING | PostState.PROCESSING | PostState.UNCONFIRMED:
            return AskDriver()
        case PostState.IN_INBOX:
            return _too_late(post, "It is in its creator's inbox.", "Its creator can discard it in the TikTok app.")
        case PostState.PUBLISHED:
            remedy = "Its creator can delete it in the TikTok app; TikTok lets no other app delete posts."
            return _too_late(post, "It is published.", remedy)
        case PostState.FAILED:
            return _too_late(post, "It has failed already; nothing of it will be published.", "There is nothing to do.")
        case PostState.CANCELLED:
            return _too_late(post, "It was cancelled before.", "There is nothing to do.")
        case _:
            assert_never(post.state)


def _too_late(post: Post, detail: str, remedy: str) -> Problem:
    extra = {"post_id": post.id, "state": str(post.state)}
    return Problem("not_cancellable", "The post cannot be cancelled", 409, detail, remedy, extra=extra)
