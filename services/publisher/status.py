"""Asking TikTok how a publication stands, and handing over what it says as facts."""

from collections.abc import Callable
from datetime import datetime, timedelta

from libs.accounts.budget import Budget, Slot
from libs.accounts.errors import Later
from libs.accounts.limit import Call
from libs.accounts.line import Line
from libs.model.change import Change
from libs.model.drive import Upload, tried, waits
from libs.model.fact import Fact, FactKind, polled
from libs.model.look import Shown, ended, looked
from libs.model.pace import YOUNG
from libs.model.post import Post
from libs.model.publication import Publication
from libs.model.roster import is_young, left_over
from libs.store.store import Store
from libs.tiktok.client import TikTokClient
from libs.tiktok.errors import Refused, TikTokError
from libs.tiktok.posting import PublishStatus, Status
from services.publisher.saving import Run
from services.publisher.verdict import Retry, Stop, Wait, judge

IDLE_WAIT = timedelta(minutes=1)


class Looker:
    """Looks at a publication and saves what that means."""

    def __init__(
        self, store: Store, line: Line, budget: Budget, client: TikTokClient, *, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._line = line
        self._budget = budget
        self._client = client
        self._now = now

    async def look(self, run: Run, publication: Publication, *, dead: bool) -> Upload | None:
        """None when what was seen is saved; an `Upload` when TikTok lacks bytes that are to be sent at once.

        `dead` says that the upload URL was refused as gone. Raises `Lost`, `NotConnected`, `Later`.
        """
        idle = await self._idle(run.post, publication)
        try:
            reply = await self._line.call(
                run.post.account_id,
                Call.STATUS,
                lambda token, timeout: self._client.status_fetch(token, publication.publish_id or "", timeout=timeout),
                refused=run.refused,
            )
        except TikTokError as error:
            await self._unanswered(run, publication, error)
            return None
        finally:
            if idle is not None:
                await self._budget.used(idle, now=self._now())
        run.called(reply.trace, answer=reply.value.status, uploaded=reply.value.uploaded_bytes)
        now = self._now()
        facts = facts_of(reply.value, publish_id=publication.publish_id or "", now=now, log_id=reply.log_id)
        if facts:
            await self._store.facts.record(facts)
            await run.save(ended(run.post, publication, status=reply.value.status, now=now), now=now)
            await run.ring("facts")
            return None
        outcome = looked(
            run.post,
            publication,
            shown=_shown(reply.value),
            status=reply.value.status,
            uploaded=reply.value.uploaded_bytes,
            dead=dead,
            now=now,
        )
        if isinstance(outcome, Upload):
            return outcome
        await run.save(outcome, now=now)
        return None

    async def _idle(self, post: Post, publication: Publication) -> Slot | None:
        """A slot of what young posts leave over, for a look that nobody waits for; None for a young post's own look.

        Raises `Later` when nothing is left over.
        """
        now = self._now()
        if is_young(post, publication, now=now):
            return None
        limit = left_over(await self._store.posts.young(post.account_id, since=now - YOUNG))
        slot = await self._budget.take(post.account_id, Call.STATUS_IDLE, limit=limit, now=now) if limit else None
        if slot is None:
            at = await self._budget.free_at(post.account_id, Call.STATUS_IDLE, limit=limit, now=now) if limit else now
            raise Later("young posts are asked about first", at=max(at, now + IDLE_WAIT))
        return slot

    async def _unanswered(self, run: Run, publication: Publication, error: TikTokError) -> None:
        """The question failed; what was asked about is as unknown as before."""
        run.called(error.trace, code=error.word)
        now = self._now()
        verdict = judge(error)
        change: Change
        match verdict:
            case Wait(why, wait):
                change = waits(run.post, until=now + wait, why=why, now=now)
            case Retry(why, code):
                change = tried(run.post, publication, why=why, code=code, now=now)
            case Stop():
                # A refusal to answer proves nothing about the post: silence goes on, and may end in `unconfirmed`.
                status = f"refused:{error.code if isinstance(error, Refused) else ''}"
                seen = looked(run.post, publication, shown="unknown", status=status, uploaded=None, dead=False, now=now)
                if isinstance(seen, Upload):
                    raise TypeError("a refused question cannot ask for bytes")
                change = seen
        await run.save(change, now=now)


def facts_of(status: Status, *, publish_id: str, now: datetime, log_id: str) -> list[Fact]:
    """The facts in a status; none while it is still going on. A word this version does not know is no end."""
    match status.status:
        case PublishStatus.PUBLISH_COMPLETE:
            facts = [polled(FactKind.COMPLETED, publish_id=publish_id, now=now, log_id=log_id)]
            facts += [
                polled(FactKind.PUBLIC, publish_id=publish_id, post_id=post_id, now=now, log_id=log_id)
                for post_id in status.post_ids
            ]
            return facts
        case PublishStatus.SEND_TO_USER_INBOX:
            return [polled(FactKind.IN_INBOX, publish_id=publish_id, now=now, log_id=log_id)]
        case PublishStatus.FAILED:
            return [polled(FactKind.FAILED, publish_id=publish_id, reason=status.fail_reason, now=now, log_id=log_id)]
        case _:
            return []


def _shown(status: Status) -> Shown:
    match status.status:
        case PublishStatus.PROCESSING_UPLOAD:
            return "uploading"
        case PublishStatus.PROCESSING_DOWNLOAD:
            return "processing"
        case _:
            return "unknown"
