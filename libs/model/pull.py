"""A pull whose init's reply was lost (design section 4).

A PULL_FROM_URL commits at its init: TikTok fetches and publishes by itself. So before the init its URLs are granted to
this publication alone, every fetch is recorded before its first byte, and after a lost reply one of two things is true:

- nobody fetched: the URLs are revoked, TikTok can never get the media, the publication can never publish;
- somebody fetched: TikTok took the init. The post is `unconfirmed` until something heard of the creator, which nobody
  else owns, can only be about this publication: then that publish id is adopted.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from libs.model.change import Change, PullGrant, cancel, move, unconfirm
from libs.model.drive import abandoned, begin_failed, send_again
from libs.model.fact import Fact, FactKind, FactSource
from libs.model.post import Note, Post, PostState
from libs.model.publication import Publication, PublicationState
from libs.model.pulling import pulling

URL_LIFE = timedelta(hours=26)
"""TikTok gives up after an hour; one integrator saw it come again for 22 hours, and fail at 24 (fact sheet 4.3)."""
SEEK_FOR = timedelta(days=4)
"""TikTok tells by webhook for 72 hours at most (fact sheet 6.1), and a pull has ended a day after its init."""
SEEKS = ((timedelta(hours=1), timedelta(minutes=1)), (timedelta(hours=26), timedelta(minutes=10)))
SEEK_LAST = timedelta(hours=1)
SKEW = timedelta(minutes=2)
"""How far TikTok's clock may be behind ours."""
ENDS = frozenset({FactKind.COMPLETED, FactKind.PUBLIC, FactKind.IN_INBOX})
"""What says that a publication arrived."""


def intend_pull(
    post: Post, *, token_hash: bytes, media: tuple[str, ...], size: int, lease: datetime, now: datetime
) -> Change:
    """Saved before the init call, and with it the URLs that the init will name."""
    n = post.publication + 1
    ends = now + URL_LIFE
    intended = Publication(post.id, n, PublicationState.INTENDED, now, size=size, url_expires_at=ends, pull=True)
    after = replace(move(post, PostState.INITIALIZING, now=now, alarm=lease), publication=n)
    note = Note("intended", {"publication": n, "transfer": "pull", "files": len(media)})
    return Change(after, (intended,), notes=(note,), grant=PullGrant(n, token_hash, media, ends))


@dataclass(frozen=True, slots=True)
class Lost:
    """Why the init has no reply, in words and as a code."""

    why: str = "the init's reply was lost"
    code: str = "init_reply_lost"
    crashed: bool = True
    """No call failed: whoever made it has gone. That is no try of the post's."""


def reckoned(post: Post, publication: Publication, *, unfetched: bool, lost: Lost, now: datetime) -> Change:
    """`unfetched` is the store's proof that the URLs were revoked before anybody fetched."""
    if not unfetched:
        note = Note("pull.unresolved", {"publication": publication.n, "why": f"{lost.why}, and its URLs were fetched"})
        change = unconfirm(post, publication, due=next_seek(publication, now=now), now=now)
        return replace(change, notes=(note, *change.notes))
    if post.cancel_requested_at:
        return cancel(post, now=now, publications=abandoned(publication))
    why = f"{lost.why}; nothing was fetched, and its URLs are revoked"
    if lost.crashed:
        return send_again(post, publication, why=why, now=now)
    return begin_failed(post, publication, why=why, code=lost.code, now=now)


def next_seek(publication: Publication, *, now: datetime) -> datetime:
    """When to look again for a pull that may have published under an unknown publish id."""
    age = now - publication.intent_at
    return now + next((every for until, every in SEEKS if age < until), SEEK_LAST)


def unfound(post: Post, publication: Publication, *, now: datetime) -> Change:
    """Nothing has been heard that could be about it. After some days nothing will be: it is a person's to judge, and
    the creator's next pulls need not wait for it any longer."""
    if now - publication.intent_at < SEEK_FOR:
        return Change(replace(post, alarm=next_seek(publication, now=now), updated_at=now))
    note = Note("pull.given_up", {"publication": publication.n, "why": "TikTok has told nothing of it for days"})
    return Change(replace(post, alarm=None, updated_at=now), abandoned(publication), notes=(note,))


def withdrawn(post: Post, publication: Publication, *, answer: str, now: datetime) -> Change:
    """TikTok was asked to cancel the pull. Only what it says later tells whether it did."""
    asked = replace(publication, cancel_asked_at=now)
    note = Note("cancel.asked", {"answer": answer})
    return Change(replace(post, updated_at=now), (asked,), notes=(note,))


@dataclass(frozen=True, slots=True)
class Init:
    """A pull init of one creator that never had a publish id, as far as adoption is concerned."""

    post_id: str
    n: int
    intent_at: datetime
    may_publish: bool
    """Its post is unconfirmed because its URLs were fetched; of the others it is proven that they cannot publish."""
    photo: bool
    inbox: bool


def owner(fact: Fact, inits: Collection[Init], *, strangers: Sequence[tuple[str, FactKind]]) -> Init | None:
    """The one init that a fact without an owner can be about; None when there is none, or more than one.

    `inits` are all of the creator's that never had a publish id, `strangers` all that was heard for the creator and is
    nobody's. An arrival can only be of an init that may publish. A failure may be of any of them, so it needs an init
    that is alone: taken for another's, it would send a post again that is out.
    """
    if fact.source is not FactSource.WEBHOOK or fact.create_time is None or not fact.open_id:
        return None
    fitting = [one for one in inits if _fits(fact, one)]
    failed = fact.kind is FactKind.FAILED
    candidates = fitting if failed else [one for one in fitting if one.may_publish]
    rivals = {id_ for id_, kind in strangers if id_ != fact.publish_id and (failed or kind in ENDS)}
    if len(candidates) != 1 or rivals or not candidates[0].may_publish:
        return None
    return candidates[0]


def _fits(fact: Fact, init: Init) -> bool:
    """Ids are opaque; where one has a documented form, the form may speak against it, never for it (3.2)."""
    if fact.create_time is None or fact.create_time < (init.intent_at - SKEW).timestamp():
        return False
    if fact.kind is FactKind.IN_INBOX and not init.inbox:
        return False
    form = fact.publish_id.partition("~")[0]
    kind, _, rest = form.partition("_")
    if rest not in ("pub_url", "inbox_url", "pub_file", "inbox_file") or kind not in ("v", "p"):
        return True
    if rest.endswith("_file") or (kind == "p") != init.photo:
        return False
    return init.photo or (rest == "inbox_url") == init.inbox


def adopted(post: Post, publication: Publication, *, publish_id: str, now: datetime) -> Change:
    """The publication's id is known at last; what was heard of it is settled next."""
    change = pulling(post, publication, publish_id=publish_id, now=now)
    note = Note("pull.adopted", {"publication": publication.n, "publish_id": publish_id})
    return replace(change, notes=(note,))
