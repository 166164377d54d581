"""The world of `model_world` when TikTok fetches: an init commits, our URLs are fetched or revoked, ids get lost."""

from dataclasses import dataclass, field, replace
from typing import Literal

from model_things import SIZE
from model_world import LEASE, Lost, Worker, World

from libs.model.change import cancel
from libs.model.drive import Begin, Look, Reckon, Seek, Settle, Withdraw, next_step, tried
from libs.model.fact import Fact, FactKind, FactSource, polled
from libs.model.look import ended, looked
from libs.model.post import SETTLED, UNSENT, Post, PostState
from libs.model.publication import Publication, PublicationState
from libs.model.pull import SEEK_FOR, Init, adopted, intend_pull, owner, reckoned, unfound, withdrawn
from libs.model.pull import Lost as LostReply
from libs.model.pulling import pulling


@dataclass
class Url:
    """The row of a pull: what decides between its fetches and its revocation."""

    fetched: bool = False
    revoked: bool = False


@dataclass
class Pulled:
    """One accepted init as TikTok sees it."""

    publish_id: str
    n: int
    has_media: bool = False
    outcome: Literal["failed", "inbox", "complete"] | None = None
    completions: int = 0
    reason: str = ""


@dataclass
class PullWorld(World):
    """`pulls` are the accepted inits; `urls` what was granted."""

    urls: dict[int, Url] = field(default_factory=dict)
    pulls: list[Pulled] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.post = replace(self.post, request=self.post.request | {"transfer": "pull"})

    # The database

    def before(self, key: str, arrived: int | None) -> list[str]:
        return [f"processing:{arrived}"] if key.startswith(("published", "in_inbox")) else []

    def learn(self, n: int, publish_id: str) -> None:
        """As `Posts.learn`."""
        one = self.publications[n]
        if one.publish_id is not None:
            return
        self.publications[n] = replace(one, publish_id=publish_id)
        if self.post.publication == n and self.post.state is PostState.UNCONFIRMED:
            self.post = replace(self.post, version=self.post.version + 1, alarm=self.now)

    def ask_to_cancel(self) -> None:
        if self.post.state in UNSENT:
            self.save(cancel(self.post, now=self.now))
        elif self.post.state not in SETTLED:
            self.post = replace(self.post, cancel_requested_at=self.now)

    def settle(self, fact: Fact) -> bool:
        """An unowned fact may find its owner first."""
        if all(one.publish_id != fact.publish_id for one in self.publications.values()):
            self._adopt(fact)
        return super().settle(fact)

    def _adopt(self, fact: Fact) -> None:
        lost = [one for one in self.publications.values() if one.publish_id is None]
        lost = [one for one in lost if one.intent_at >= self.now - SEEK_FOR]
        inits = [self._init_of(one) for one in lost]
        known = {one.publish_id for one in self.publications.values()}
        strangers = [(one.publish_id, one.kind) for one in self.heard if one.publish_id not in known]
        found = owner(fact, inits, strangers=strangers)
        if found is not None:
            self.save(adopted(self.post, self.publications[found.n], publish_id=fact.publish_id, now=self.now))

    def _init_of(self, one: Publication) -> Init:
        may = one.state is PublicationState.INTENDED and self.post.state is PostState.UNCONFIRMED
        may = may and one.n == self.post.publication
        return Init(self.post.id, one.n, one.intent_at, may, photo=False, inbox=self.inbox)

    # TikTok

    def servable(self, n: int) -> bool:
        url, one = self.urls[n], self.publications[n]
        wanted = self.post.state in (PostState.INITIALIZING, PostState.PROCESSING, PostState.UNCONFIRMED)
        return not url.revoked and one.state is not PublicationState.ABANDONED and wanted

    def fetch(self, pulled: Pulled) -> None:
        """TikTok comes for the media, perhaps later than everybody thought."""
        if self.servable(pulled.n):
            self.urls[pulled.n].fetched = pulled.has_media = True
        else:
            self.end(pulled, "failed", reason="internal")

    def end(self, pulled: Pulled, outcome: Literal["failed", "inbox", "complete"], *, reason: str = "") -> None:
        pulled.outcome = outcome if pulled.completions == 0 else "complete"
        pulled.reason = reason if pulled.outcome == "failed" else ""
        pulled.completions += outcome == "complete"
        kinds = {"failed": FactKind.FAILED, "inbox": FactKind.IN_INBOX, "complete": FactKind.COMPLETED}
        at = int(self.now.timestamp()) + len(self.heard)
        self.heard.append(self._fact(kinds[outcome], pulled, at=at))
        if outcome == "complete" and not self.inbox:
            assert sum(one.completions for one in self.pulls) == 1, "published twice"
            self.heard.append(self._fact(FactKind.PUBLIC, pulled, at=at + 60, post_id="77"))

    def _fact(self, kind: FactKind, pulled: Pulled, *, at: int, post_id: str = "") -> Fact:
        return Fact(
            f"hook|{kind}|{pulled.n}|{post_id}|{at}", kind, FactSource.WEBHOOK, self.now, open_id="o",
            publish_id=pulled.publish_id, create_time=at, post_id=post_id,
            reason=pulled.reason if kind is FactKind.FAILED else "",
        )  # fmt: skip

    def _others_cannot_publish(self, n: int) -> None:
        for old in self.pulls:
            over = old.outcome == "failed" or (old.outcome is None and not old.has_media and not self.servable(old.n))
            assert old.n >= n or over, "a new init while an old one may publish"

    # The workers

    def _drive(self, post: Post, publication: Publication | None, turn: bool) -> Worker:
        step = next_step(post, publication, turn=turn, now=self.now)
        match step:
            case Settle(change):
                self.save(change)
            case Begin():
                assert not post.cancel_requested_at, "begun though a cancel was asked for"
                yield from self._begin(post)
            case Reckon(one):
                yield from self._reckon(post, one, LostReply())
            case Seek(one):
                for fact in self.heard:
                    self.settle(fact)
                self.save(unfound(post, one, now=self.now))
            case Withdraw(one):
                yield from self._withdraw(post, one)
            case Look(one):
                yield from self._ask(post, one)
            case _:
                raise AssertionError(step)

    def _begin(self, post: Post) -> Worker:
        lease = self.now + LEASE
        change = intend_pull(post, token_hash=b"h", media=("med_1",), size=SIZE, lease=lease, now=self.now)
        post, intended = self.save(change)
        assert intended is not None and change.grant is not None
        self.urls[intended.n] = Url()
        self._others_cannot_publish(intended.n)
        yield "intended"
        form = "v_inbox_url" if self.inbox else "v_pub_url"
        pulled = Pulled(f"{form}~v2.{intended.n}", intended.n)
        self.pulls.append(pulled)
        if (yield "init") == "lost":
            yield from self._reckon(post, intended, LostReply("no reply", "no_reply", crashed=False))
            return
        try:
            self.save(pulling(post, intended, publish_id=pulled.publish_id, now=self.now))
        except Lost:
            self.learn(pulled.n, pulled.publish_id)
            raise

    def _reckon(self, post: Post, one: Publication, lost: LostReply) -> Worker:
        yield "before the revocation"
        url = self.urls[one.n]
        url.revoked = url.revoked or not url.fetched
        unfetched = not url.fetched
        yield "revoked or not"
        self.save(reckoned(post, one, unfetched=unfetched, lost=lost, now=self.now))

    def _withdraw(self, post: Post, one: Publication) -> Worker:
        pulled = next(p for p in self.pulls if p.publish_id == one.publish_id)
        yield "before the withdrawal"
        if pulled.outcome is None and not pulled.has_media:
            self.end(pulled, "failed", reason="publish_cancelled")
        yield "withdrawn"
        self.save(withdrawn(post, one, answer="ok", now=self.now))

    def _ask(self, post: Post, one: Publication) -> Worker:
        pulled = next(p for p in self.pulls if p.publish_id == one.publish_id)
        if (yield "before the look") == "lost":
            self.save(tried(post, one, why="no reply", code="no_reply", now=self.now))
            return
        kinds = {"complete": FactKind.COMPLETED, "inbox": FactKind.IN_INBOX, "failed": FactKind.FAILED}
        if pulled.outcome is not None:
            kind = kinds[pulled.outcome]
            self.heard.append(polled(kind, publish_id=pulled.publish_id, now=self.now, reason=pulled.reason))
            self.save(ended(post, one, status=pulled.outcome, now=self.now))
            return
        outcome = looked(
            post, one, shown="processing", status="PROCESSING_DOWNLOAD", uploaded=None, dead=False, now=self.now
        )  # fmt: skip
        assert not hasattr(outcome, "publication"), "a pull sends no bytes"
        self.save(outcome)  # type: ignore[arg-type]
