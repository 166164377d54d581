"""Where the world's rules meet time: publications move, pulls run, news goes out."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from libs.runtime.clock import Clock
from services.simulator.engine.check import Prober
from services.simulator.engine.dials import Dials
from services.simulator.engine.jobs import Jobs
from services.simulator.engine.pull import Puller, PullFailed
from services.simulator.engine.spool import Spool
from services.simulator.engine.webhook import Webhooks
from services.simulator.fault.book import FaultBook
from services.simulator.fault.rule import Do, Facts
from services.simulator.world import cap, lifecycle
from services.simulator.world.agenda import Agenda
from services.simulator.world.error import Code, Refused
from services.simulator.world.lifecycle import News
from services.simulator.world.media_rule import Facts as MediaFacts
from services.simulator.world.media_rule import judge_photo, judge_video
from services.simulator.world.record import (
    RUNNING,
    FailReason,
    Grant,
    Kind,
    Media,
    Mode,
    Post,
    Publication,
    Pull,
    Status,
    Upload,
)
from services.simulator.world.world import World


class Stage:
    """Every change of a publication after its init goes through here."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        agenda: Agenda,
        dials: Dials,
        *,
        faults: FaultBook,
        webhooks: Webhooks,
        spool: Spool,
        prober: Prober,
        puller: Puller,
        jobs: Jobs,
    ) -> None:
        self._world = world
        self._clock = clock
        self._agenda = agenda
        self._dials = dials
        self._faults = faults
        self._webhooks = webhooks
        self._spool = spool
        self._prober = prober
        self._puller = puller
        self._jobs = jobs
        self._pulls: dict[str, asyncio.Task[None]] = {}

    def settle(self) -> None:
        """Does everything that is due by now; called before every request, so that answers are never behind time."""
        self._agenda.run_due(self._clock.now())

    def now(self) -> datetime:
        return self._clock.now()

    def spread(self, news: Iterable[News]) -> None:
        for item in news:
            self._webhooks.announce(item)

    # Bytes

    def bytes_in(self, pub: Publication, *, now: datetime) -> None:
        """The last byte arrived: checking and processing start, each in its own time."""
        knobs = self._dials.now
        lifecycle.received(pub, now)
        pub.stuck = knobs.stuck
        for fault in self._faults.for_post(Facts(open_id=pub.open_id, publish_id=pub.publish_id)):
            if fault.do is Do.FAIL_POST:
                pub.verdict = fault.fail_reason
            elif fault.do is Do.STICK:
                pub.stuck = True
                if fault.seconds is not None:
                    self._agenda.after(now, fault.seconds, partial(self._unstick, pub, fault.fail_reason))
        creator = self._world.creators.get(pub.union_id)
        if creator is not None and cap.was_over(creator, pub, now=now, knobs=knobs):
            cap.uncount_direct(creator, pub)
            pub.verdict = FailReason.TOO_MANY_POSTS
        self._agenda.after(now, knobs.processing_s, lambda due: self._processed(pub, due))
        if knobs.check_media and pub.verdict is None:
            self._jobs.spawn(self._check(pub), name=f"check {pub.publish_id}")
        else:
            pub.checked = True
            self._settle_files(pub)

    def _processed(self, pub: Publication, now: datetime) -> None:
        pub.due = True
        self._advance(pub, now)

    def _unstick(self, pub: Publication, reason: FailReason | None, now: datetime) -> None:
        pub.stuck = False
        pub.verdict = reason or pub.verdict
        self._advance(pub, now)

    async def _check(self, pub: Publication) -> None:
        verdict: FailReason | None = None
        creator = self._world.creators.get(pub.union_id)
        cover_ms = max(0, int(pub.post_info.get("video_cover_timestamp_ms") or 0))
        for media in pub.media:
            if media.path is None:  # too big to keep: hashed and counted, and believed
                continue
            found = await self._prober.facts(media.path, sha256=media.sha256, kind=pub.kind, cover_ms=cover_ms)
            media.facts = found
            facts = MediaFacts.of(found, size=media.size)
            longest = creator.max_video_s if creator else 600
            wrong = (
                judge_photo(facts)
                if pub.kind is Kind.PHOTO
                else judge_video(facts, creator_max_s=longest, knobs=self._dials.now)
            )
            verdict = verdict or wrong
        self._settle_files(pub)
        pub.checked = True
        pub.verdict = pub.verdict or verdict
        self._advance(pub, self._clock.now())

    def _advance(self, pub: Publication, now: datetime) -> None:
        news, post = lifecycle.advance(self._world, pub, now=now)
        self.spread(news)
        self._after_publish(post, now)
        auto = self._dials.now.draft_autopost_s
        if news and pub.status is Status.IN_INBOX and auto is not None:
            self._agenda.after(now, auto, lambda due: self._autopost(pub, due))
        keep = self._dials.now.draft_retention_s
        if news and pub.status is Status.IN_INBOX and keep is not None:
            self._agenda.after(now, keep, lambda _: _expire(pub))

    def _after_publish(self, post: Post | None, now: datetime) -> None:
        delay = self._dials.now.public_id_delay_s
        if post is not None and delay is not None and lifecycle.may_become_public(self._world, post):
            self._agenda.after(now, delay, lambda due: self.spread(lifecycle.make_public(self._world, post, now=due)))

    # Creators

    def _autopost(self, pub: Publication, now: datetime) -> None:
        if pub.status is Status.IN_INBOX and not pub.expired:
            self.post_draft(pub, choice={}, now=now)

    def post_draft(self, pub: Publication, *, choice: dict[str, Any], now: datetime) -> Post | None:
        """The creator finishes a draft in the app; once more is legal. Raises `Refused` when there is no draft."""
        posted_before = pub.mode is Mode.INBOX and pub.status is Status.COMPLETE
        if pub.expired or not (pub.status is Status.IN_INBOX or posted_before):
            raise Refused(Code.INVALID_PUBLISH_ID, "there is no draft in the inbox for this publish_id")
        news, post = lifecycle.publish(self._world, pub, now=now, choice=choice)
        self.spread(news)
        self._after_publish(post, now)
        return post

    def take_down(self, post: Post, *, now: datetime) -> None:
        self.spread(lifecycle.take_down(self._world, post, now=now))

    def make_public(self, post: Post, *, now: datetime) -> None:
        self.spread(lifecycle.make_public(self._world, post, now=now))

    def remove_authorization(self, grant: Grant, *, reason: int, now: datetime) -> None:
        news = lifecycle.remove_authorization(self._world, grant, reason=reason, now=now)
        self.spread(news)
        for item in news:
            if (pub := self._world.publications.get(item.publish_id or "")) is not None:
                self._stop_pull(pub.publish_id)
                self._let_go(pub)

    def fail(self, pub: Publication, reason: FailReason, *, now: datetime) -> None:
        self._stop_pull(pub.publish_id)
        self._let_go(pub)
        self.spread(lifecycle.fail(pub, reason, now=now))

    # Uploads and pulls

    def expect_upload(self, pub: Publication, upload: Upload) -> None:
        """Once the URL has expired, the bytes of an unfinished upload are of no use."""
        self._agenda.at(upload.expires_at, lambda _: self._let_go(pub))

    def start_pull(self, pub: Publication, pull: Pull, *, now: datetime) -> None:
        """TikTok will come and fetch; the hour counts from the init."""
        pull.deadline = now + timedelta(seconds=self._dials.now.pull_deadline_s)
        self._agenda.at(pull.deadline, lambda due: self._pull_late(pub, due))
        self._agenda.after(now, self._dials.now.pull_delay_s, lambda _: self._pull(pub, pull))

    def _pull(self, pub: Publication, pull: Pull) -> None:
        if pub.status in RUNNING and pub.received_at is None:
            task = self._jobs.spawn(self._fetch(pub, pull), name=f"pull {pub.publish_id}")
            self._pulls[pub.publish_id] = task
            task.add_done_callback(lambda _: self._pulls.pop(pub.publish_id, None))

    async def _fetch(self, pub: Publication, pull: Pull) -> None:
        pull.attempts += 1
        try:
            got = await self._puller.fetch(pub, pull)
        except PullFailed as failed:
            now = self._clock.now()
            pub.history.append((now, f"pull {pull.attempts} failed: {failed}"))
            if pull.attempts >= self._dials.now.pull_attempts:
                self.spread(lifecycle.fail(pub, _pull_reason(pub), now=now))
            else:
                self._agenda.after(now, self._dials.now.pull_retry_s, lambda _: self._pull(pub, pull))
            return
        if pub.status not in RUNNING:
            self._forget(got)
            return
        pub.media = got
        self.bytes_in(pub, now=self._clock.now())

    def _pull_late(self, pub: Publication, now: datetime) -> None:
        if pub.status in RUNNING and pub.received_at is None:
            self.fail(pub, _pull_reason(pub), now=now)

    def cancel(self, pub: Publication, *, now: datetime) -> None:
        """Only a running download can be cancelled (fact sheet 3.6)."""
        if pub.pull is None or pub.status is not Status.DOWNLOADING or pub.received_at is not None:
            raise Refused(Code.NOT_CANCELLABLE)
        self.fail(pub, FailReason.CANCELLED, now=now)

    def _stop_pull(self, publish_id: str) -> None:
        if (task := self._pulls.get(publish_id)) is not None:
            task.cancel()

    def _settle_files(self, pub: Publication) -> None:
        for media in pub.media:
            self._spool.settle(media.path, media.size)

    def _let_go(self, pub: Publication) -> None:
        """What was received of an upload that can no longer end."""
        if pub.upload is not None and not pub.upload.complete:
            self._spool.drop(pub.upload.path)
            pub.upload.path = None

    def _forget(self, files: Iterable[Media]) -> None:
        for media in files:
            self._spool.drop(media.path)


def _pull_reason(pub: Publication) -> FailReason:
    return FailReason.PHOTO_PULL if pub.kind is Kind.PHOTO else FailReason.VIDEO_PULL


def _expire(pub: Publication) -> None:
    if pub.status is Status.IN_INBOX:
        pub.expired = True
