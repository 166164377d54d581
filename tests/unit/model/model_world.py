"""One post, the database that keeps it, the workers that drive it, and a TikTok that takes its bytes.

Workers are generators that stop before and after every effect, so that a test can crash one (drop it), freeze one (let
others go on) and lose its replies. The publisher's own loop is mirrored step by step; the decisions are the model's.
"""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from model_things import BROKEN, NOW, REFUSED, SIZE, a_fact, a_post, broken_publication_rules, broken_rules

from libs.model.apply import apply
from libs.model.change import Change, cancel
from libs.model.drive import Begin, Look, Prepare, Settle, Upload, begin_failed, next_step, tried
from libs.model.fact import Fact, FactKind, polled
from libs.model.look import ended, looked
from libs.model.news import News
from libs.model.post import FINAL, SETTLED, UNSENT, Post, PostState
from libs.model.publication import Publication
from libs.model.upload import committed, committing, intend, opened, progressed

HALF = SIZE // 2
LEASE = timedelta(minutes=5)
URL_LIFE = timedelta(hours=1)
ROUNDS_MAX = 3

Reply = Literal["ok", "lost"]
Worker = Generator[str, Reply, None]


class Lost(Exception):
    """The post was saved by somebody else since it was read."""


@dataclass
class Sent:
    """One upload as TikTok sees it."""

    publish_id: str
    n: int
    url_ends: datetime
    received: int = 0
    earlier: int = 0
    """What a lagging count still shows, for less than the fence after it changed."""
    changed_at: datetime = NOW
    url_dead: bool = False
    outcome: Literal["failed", "inbox", "complete"] | None = None
    completions: int = 0
    reason: str = ""

    @property
    def whole(self) -> bool:
        return self.received == SIZE


@dataclass
class World:
    """`honest` is a TikTok that tells what is so; another may fail what it publishes and publish what it has not.

    One that `lags` shows a byte count that is some minutes old.
    """

    inbox: bool
    honest: bool = True
    lags: bool = False
    now: datetime = NOW
    post: Post = field(init=False)
    publications: dict[int, Publication] = field(default_factory=dict)
    news: dict[tuple[int, str, str, int], News] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    heard: list[Fact] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.post = a_post(PostState.QUEUED, inbox=self.inbox, privacy="PUBLIC_TO_EVERYONE", alarm=NOW, in_lane=True)

    # The database

    def save(self, change: Change, *, arrived: int | None = None) -> tuple[Post, Publication | None]:
        """As the store does it: guarded by the version, whole or not at all, within every CHECK and unique index.

        `arrived` is the publication that TikTok spoke of.
        """
        if change.post.version != self.post.version:
            raise Lost
        before = self.post
        asked = change.post.cancel_requested_at or before.cancel_requested_at
        self.post = replace(change.post, version=before.version + 1, cancel_requested_at=asked)
        assert before.state not in FINAL or self.post.state is before.state, "a final state is final"
        assert before.state not in SETTLED or self.post.state in SETTLED, "a settled post stays settled"
        assert broken_rules(self.post) == []
        self.publications |= {one.n: one for one in change.publications}
        assert broken_publication_rules(list(self.publications.values())) == []
        for news in change.new:
            key = (news.publication, news.kind, news.tiktok_post_id, news.n)
            assert key not in self.news
            self.news[key] = news
        for news in change.bound:
            self.news[(news.publication, news.kind, news.tiktok_post_id, news.n)] = news
        for told in change.events:
            key_ = told.key.removeprefix(f"{self.post.id}:")
            if key_ not in self.events:
                # How a post at rest came there was told; that another of its uploads arrived, too, is told alone.
                missing = set(self.before(key_, arrived)) - set(self.events) if before.state not in SETTLED else set()
                assert not missing, f"{key_} after {self.events}"
                self.events.append(key_)
        return self.post, self.publications.get(self.post.publication)

    def before(self, key: str, arrived: int | None) -> list[str]:
        """The steps that customers must have heard of before an event with this key."""
        step, _, n = key.partition(":")
        match step:
            case "published" | "in_inbox":
                return [f"uploading:{arrived}", f"uploaded:{arrived}"]
            case "processing":
                return [f"uploading:{n}", f"uploaded:{n}"]
            case "uploaded":
                return [f"uploading:{n}"]
        return []

    def claim(self) -> Worker:
        turn = self.post.in_lane
        self.post = replace(self.post, version=self.post.version + 1, alarm=self.now + LEASE, in_lane=False)
        return self._drive(self.post, self.publications.get(self.post.publication), turn)

    def ask_to_cancel(self) -> None:
        """As the api does it: at once while nothing is sent, else a note for whoever drives it."""
        if self.post.state in UNSENT:
            self.save(cancel(self.post, now=self.now))
        elif self.post.state not in SETTLED:
            self.post = replace(self.post, cancel_requested_at=self.now)

    def settle(self, fact: Fact) -> bool:
        """False while nobody knows the publication the fact is about."""
        owner = next((one for one in self.publications.values() if one.publish_id == fact.publish_id), None)
        if owner is None:
            return False
        known = tuple(self.news.values())
        failure = BROKEN if fact.reason == BROKEN.code else REFUSED
        change = apply(fact, post=self.post, publication=owner, known=known, failure=failure, now=self.now)
        self.save(change, arrived=owner.n)
        return True

    # TikTok

    def _older_ones_are_fenced(self, n: int) -> None:
        """An upload may publish when it is whole, or when a frozen worker may still send its last bytes."""
        for old in self.sent:
            saved = self.publications[old.n]
            may_be_sending = saved.committing_at is not None and self._takes(old)
            fenced = old.n >= n or old.outcome == "failed" or not (old.whole or may_be_sending)
            assert fenced or not self.honest, "a new publication while an old one may publish"

    def _init(self, n: int) -> Sent:
        made = Sent(f"v_pub_file~v2-1.{n}", n, self.now + URL_LIFE)
        self.sent.append(made)
        return made

    def _takes(self, sent: Sent) -> bool:
        return not sent.url_dead and self.now < sent.url_ends and sent.outcome is None

    def _put(self, sent: Sent, first: int, last: int) -> int | None:
        """How many bytes it has then; None when the URL is dead, which says nothing of what it has."""
        if not self._takes(sent):
            return None
        if first == sent.received:
            sent.earlier, sent.received, sent.changed_at = sent.received, last + 1, self.now
        return sent.received

    def finish(self, sent: Sent, outcome: Literal["failed", "inbox", "complete"], *, reason: str) -> None:
        """Where an upload goes once it is whole; each end is told by a webhook, sooner or later."""
        at = int(self.now.timestamp()) + len(self.heard)  # never twice the same
        sent.outcome = outcome if sent.completions == 0 else "complete"
        sent.reason = reason if outcome == "failed" else ""
        kinds = {"failed": FactKind.FAILED, "inbox": FactKind.IN_INBOX, "complete": FactKind.COMPLETED}
        sent.completions += outcome == "complete"
        self.heard.append(a_fact(kinds[outcome], at=at, n=sent.n, reason=sent.reason))
        if outcome == "complete" and not self.inbox:
            assert not self.honest or sum(one.completions for one in self.sent) == 1, "published twice"
            self.heard.append(a_fact(FactKind.PUBLIC, at=at + 60, n=sent.n, post_id="77"))

    def _poll(self, sent: Sent) -> list[Fact]:
        def fact(kind: FactKind, **more: str) -> Fact:
            return polled(kind, publish_id=sent.publish_id, now=self.now, **more)

        match sent.outcome:
            case "complete":
                return [fact(FactKind.COMPLETED), fact(FactKind.PUBLIC, post_id="77")]
            case "inbox":
                return [fact(FactKind.IN_INBOX)]
            case "failed":
                return [fact(FactKind.FAILED, reason=sent.reason)]
            case None:
                return []

    # The workers

    def _drive(self, post: Post, publication: Publication | None, turn: bool) -> Worker:
        step = next_step(post, publication, turn=turn, now=self.now)
        match step:
            case Settle(change):
                self.save(change)
            case Prepare():
                raise AssertionError("the media is here")
            case Begin():
                assert not post.cancel_requested_at, "begun though a cancel was asked for"
                yield from self._begin(post)
            case Upload(one):
                yield from self._upload(post, one, 0)
            case Look(one):
                yield from self._look(post, one, False, 0)

    def _begin(self, post: Post) -> Worker:
        change = intend(
            post, lease=self.now + LEASE, size=SIZE, chunk_size=HALF, chunk_count=2, now=self.now
        )  # fmt: skip
        post, intended = self.save(change)
        assert intended is not None
        self._older_ones_are_fenced(intended.n)
        yield "intended"
        sent = self._init(intended.n)
        if (yield "init") == "lost":
            self.save(begin_failed(post, intended, why="no reply", code="no_reply", now=self.now))
            return
        change = opened(
            post, intended, publish_id=sent.publish_id, upload_url="u", expires=sent.url_ends,
            lease=self.now + LEASE, now=self.now,
        )  # fmt: skip
        post, open_ = self.save(change)
        assert open_ is not None
        self._older_ones_are_fenced(open_.n)
        yield "opened"
        yield from self._upload(post, open_, 0)

    def _upload(self, post: Post, publication: Publication, rounds: int) -> Worker:
        sent = next(one for one in self.sent if one.publish_id == publication.publish_id)
        while publication.sent_bytes < SIZE:
            final = publication.sent_bytes >= HALF
            if final:
                lease = self.now + LEASE
                post, saved = self.save(committing(post, publication, lease=lease, now=self.now))
                assert saved is not None
                publication = saved
            yield "before the chunk"
            received = self._put(sent, publication.sent_bytes, SIZE - 1 if final else HALF - 1)
            reply = yield "chunk"
            if received is None:
                yield from self._look(post, publication, True, rounds)
                return
            if reply == "lost":
                if final:
                    yield from self._look(post, publication, False, rounds)
                else:
                    self.save(tried(post, publication, why="no reply", code="no_reply", now=self.now))
                return
            if received == SIZE:
                break
            change = progressed(post, publication, sent=received, lease=self.now + LEASE, now=self.now)
            post, saved = self.save(change)
            assert saved is not None
            publication = saved
        self.save(committed(post, publication, now=self.now))

    def _look(self, post: Post, publication: Publication, dead: bool, rounds: int) -> Worker:
        sent = next(one for one in self.sent if one.publish_id == publication.publish_id)
        reply = yield "before the look"
        if reply == "lost":
            self.save(tried(post, publication, why="no reply", code="no_reply", now=self.now))
            return
        facts = self._poll(sent)
        if facts:
            self.heard += facts
            self.save(ended(post, publication, status=str(sent.outcome), now=self.now))
            return
        lags = self.lags and self.now - sent.changed_at < timedelta(minutes=4)
        count = sent.earlier if lags else sent.received
        outcome = looked(
            post, publication, shown="uploading", status="PROCESSING_UPLOAD", uploaded=count or None, dead=dead,
            now=self.now,
        )  # fmt: skip
        if not isinstance(outcome, Upload):
            self.save(outcome)
        elif rounds < ROUNDS_MAX:
            yield from self._upload(post, outcome.publication, rounds + 1)
        else:
            self.save(tried(post, outcome.publication, why="short", code="upload_interrupted", now=self.now))
