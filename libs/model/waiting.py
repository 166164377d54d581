"""What an unfinished post waits for, and until when: for whoever asks, made of what is known and not written down."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.model.drive import LIMIT
from libs.model.event import stamp
from libs.model.post import SETTLED, Note, Post, PostState

WAITS = ("waiting", "retrying", "reslotted", "publication.abandoned")
"""Notes that say why a post waits. Their `until` or `next_attempt_at` is its alarm as long as it does."""
TURN = "its turn: TikTok takes only so many inits a minute of one creator, whose posts go one after the other"
WORTH_TELLING = timedelta(seconds=2)
"""A turn that came sooner was no wait."""
SAME = timedelta(seconds=1)
"""A note keeps its time in milliseconds, a row in microseconds."""
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Waiting:
    """`until` is when it goes on at the earliest, and None where nobody can say."""

    reason: str
    detail: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a post stands: the last note that said why it waits; and if it stands in its creator's lane, when that has
    its next turn, how many stand before it, and how many go in a minute."""

    said: Note | None = None
    turn_at: datetime | None = None
    ahead: int = 0
    per_minute: int = 1


def waiting(post: Post, place: Place, *, now: datetime) -> Waiting | None:
    """None when it waits for nothing: it is being worked on, it has come to rest, or nobody has sent it yet."""
    match post.state:
        case PostState.IN_INBOX:
            return Waiting("creator", "It is in its creator's inbox, to be finished in the TikTok app.", None)
        case state if state in SETTLED or state is PostState.DRAFT:
            return None
        case PostState.UNCONFIRMED if post.held_at is not None:
            return Waiting("held", "It is compared with TikTok first: the database went back in time.", post.alarm)
        case PostState.UNCONFIRMED:
            detail = (
                "It may be out, and nobody has said so: without proof it is never sent again. Look in the TikTok app"
            )
            return Waiting("proof", f"{detail}, then POST /v1/posts/{post.id}/resolve.", post.alarm)
    if post.publish_at is not None and post.publish_at > now and post.state is PostState.SCHEDULED:
        return Waiting("publish_at", "Its time has not come.", post.publish_at)
    if post.in_lane:
        at = max(place.turn_at or now, now) + MINUTE * (place.ahead // place.per_minute)
        return Waiting("turn", f"It waits for {TURN}.", at if at > now else None)
    said = _said(post, place.said, now=now)
    if said is None and post.state is PostState.PROCESSING:
        return Waiting("tiktok", "TikTok has it and has not said how it ended.", post.alarm)
    return said


def waited(post: Post, *, now: datetime) -> Note | None:
    """The note of a turn that did not come at once, for a post just taken out of its lane; its row is as it went in."""
    since = max(post.updated_at, post.publish_at or post.updated_at)
    if now - since < WORTH_TELLING:
        return None
    return Note("waited", {"why": TURN, "since": stamp(since), "seconds": round((now - since).total_seconds())})


def _said(post: Post, note: Note | None, *, now: datetime) -> Waiting | None:
    if note is None or post.alarm is None or post.alarm <= now:
        return None
    more = note.detail
    told = more.get("next_attempt_at") or more.get("until")
    until = datetime.fromisoformat(told) if told else None
    if (
        until is None
        or until <= now
        or not any(at is not None and abs(at - until) < SAME for at in (post.alarm, post.slot_at))
    ):
        return None  # it was woken, and somebody has it: its alarm is a lease
    reason = str(more.get("reason", LIMIT))
    return Waiting(reason, str(more.get("detail") or more.get("why") or reason), until)
