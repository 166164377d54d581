"""One post, driven as far as it goes without waiting for anybody."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

import structlog

from libs.accounts.budget import Budget, Slot
from libs.accounts.errors import Later, NotConnected
from libs.accounts.limit import PER_MINUTE, Call
from libs.model.change import Change
from libs.model.drive import Begin, Look, Prepare, Reckon, Seek, Settle, Upload, Withdraw, next_step, tried, waits
from libs.model.look import account_lost
from libs.model.post import PostState
from libs.model.publication import Publication
from libs.store.errors import Contended, StoreError, Unavailable
from libs.store.store import Store
from services.publisher.begin import Beginner
from services.publisher.caps import Capped
from services.publisher.prepare import Preparer
from services.publisher.pull import Puller
from services.publisher.saving import Lost, Run, Turn
from services.publisher.sighting import Sighter
from services.publisher.status import Looker
from services.publisher.upload import Uploader

log = structlog.get_logger()

GIVE_BACK_S = (0.5, 1.0, 2.0, 3.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0)
"""Pauses before the tries to give a post back whose save failed; after them its lease is near its end."""
STEPS_MAX = 12
"""More steps than any post takes in one go; a loop of ours ends here instead of turning for ever."""
ROUNDS_MAX = 3
"""How often in one go an upload may be found short and continued."""

Outcome = Literal["saved", "waits", "not_connected", "lost", "given_back", "left", "broke"]
"""How a drive ended: what it did is saved, or only why it could not go on; or somebody else goes on with the post
(`lost`), it is due again (`given_back`), or its lease has to end first (`left`)."""


class Drive:
    """Takes the steps the model names."""

    def __init__(
        self,
        store: Store,
        budget: Budget,
        preparer: Preparer,
        beginner: Beginner,
        uploader: Uploader,
        looker: Looker,
        puller: Puller,
        sighter: Sighter,
        *,
        now: Callable[[], datetime],
        lease: timedelta,
    ) -> None:
        self._store = store
        self._budget = budget
        self._preparer = preparer
        self._beginner = beginner
        # An app that was given more inits a minute than TikTok documents is not held to one at a time.
        documented = budget.per_minute[Call.VIDEO_INIT] <= PER_MINUTE[Call.VIDEO_INIT]
        self._capped = Capped(store, now=now, in_order=documented)
        self._uploader = uploader
        self._looker = looker
        self._puller = puller
        self._sighter = sighter
        self._now = now
        self._lease = lease

    async def run(self, run: Run, slot: Slot | None) -> None:
        """Drives a claimed post. `slot` is its lane's turn and is given back unless an init was made with it.

        Never raises but on cancellation: whatever happens is saved, or left to the end of the lease. One line tells of
        it.
        """
        bound = log.bind(post=run.post.id, account=run.post.account_id)
        started = time.monotonic()
        outcome = await self._driven(run, Turn(slot), bound)
        if outcome == "lost":
            try:
                await run.keep_calls(now=self._now())
            except StoreError as error:
                bound.warning("post.calls_left", why=f"{type(error).__name__}: {error}")
        ms = round((time.monotonic() - started) * 1000)
        bound.info("post.driven", outcome=outcome, state=str(run.post.state), ms=ms, calls=dict(run.made))

    async def _driven(self, run: Run, turn: Turn, bound: structlog.stdlib.BoundLogger) -> Outcome:
        try:
            await self._steps(run, turn)
        except Lost:
            return "lost"
        except Later as later:
            now = self._now()
            return await self._leave(run, waits(run.post, until=later.at, why=later.why, now=now), "waits")
        except NotConnected as gone:
            now = self._now()
            lost = account_lost(run.post, run.publication, removed=gone.removed, reason=gone.reason, now=now)
            return await self._leave(run, lost, "not_connected")
        except (Unavailable, Contended) as error:
            bound.warning("post.left", why=str(error))
            return await self._give_back(run)
        except StoreError as error:
            bound.error("post.left", why=f"{type(error).__name__}: {error}")
            return "left"
        except Exception as error:
            bound.exception("post.broke", state=run.post.state)
            why = f"an internal error ({type(error).__name__})"
            now = self._now()
            change = tried(run.post, run.publication, why=why, code="internal_error", now=now)
            return await self._leave(run, change, "broke")
        return "saved"

    async def _steps(self, run: Run, turn: Turn) -> None:
        try:
            for _ in range(STEPS_MAX):
                if not await self._step(run, turn):
                    return
            raise RuntimeError(f"{STEPS_MAX} steps without coming to rest")
        finally:
            if turn.slot is not None:
                await self._budget.unused(turn.slot, now=self._now())
                await self._store.posts.wake_lane(run.post.account_id, at=self._now())

    async def _step(self, run: Run, turn: Turn) -> bool:
        """One step; True when the post should go on at once."""
        now = self._now()
        step = next_step(run.post, run.publication, turn=turn.slot is not None, now=now)
        match step:
            case Settle(change):
                await run.save(change, now=now)
                return False
            case Prepare():
                then = await run.keeping(self._preparer.prepare(run.post, now=now), lease=self._lease, clock=self._now)
                now = self._now()
                change = then(run.post, now)
                goes_on = change.post.media_id is not None
                if goes_on:  # due at once it would be claimed by another before this drive's next save
                    change = replace(change, post=replace(change.post, alarm=now + self._lease))
                await run.save(change, now=now)
                return goes_on
            case Begin():
                if await self._capped.begin(run, turn, self._beginner.begin):
                    return True
                await self._puller.withdraw_begun(run)
                return False
            case Upload(publication):
                return await self._upload(run, publication)
            case Look(publication):
                goes_on = await self._look(run, publication, dead=False)
                if not goes_on:
                    await self._sight(run)
                return goes_on
            case Reckon(publication):
                await self._puller.reckon(run, publication)
                return False
            case Seek(publication):
                if not await self._sight(run):
                    await self._puller.seek(run, publication)
                return False
            case Withdraw(publication):
                await self._puller.withdraw(run, publication)
                return True

    async def _upload(self, run: Run, publication: Publication, *, rounds: int = 0) -> bool:
        dead = await self._uploader.upload(run, publication)
        if dead is None:
            return False
        return await self._look(run, run.publication or publication, dead=dead, rounds=rounds)

    async def _look(self, run: Run, publication: Publication, *, dead: bool, rounds: int = 0) -> bool:
        missing = await self._looker.look(run, publication, dead=dead)
        if missing is None:
            return False
        if rounds < ROUNDS_MAX:
            return await self._upload(run, missing.publication, rounds=rounds + 1)
        now = self._now()
        why = "TikTok asks for bytes it does not take"
        await run.save(tried(run.post, missing.publication, why=why, code="upload_interrupted", now=now), now=now)
        return False

    async def _sight(self, run: Run) -> bool:
        """Whether a post that nobody could confirm was seen in its creator's list; it is published then."""
        publication = run.publication
        if publication is None or run.post.state is not PostState.UNCONFIRMED:
            return False
        looking = self._sighter.find(run, publication)
        video = await run.keeping(looking, lease=self._lease, clock=self._now)
        if video is not None:
            await self._sighter.keep(run, publication, video)
        return video is not None

    async def _give_back(self, run: Run) -> Outcome:
        """The store went away in the middle: once it is back the post is due at once, not at the end of its lease.

        Nothing of this drive is under way any more. If its last save arrived after all, this one is stale, and the
        lease that was saved then runs out.
        """
        if run.post.alarm is None:
            return "left"
        for pause_s in GIVE_BACK_S:
            await asyncio.sleep(pause_s)
            now = self._now()
            try:
                await run.save(Change(replace(run.post, alarm=now)), now=now)
            except (Unavailable, Contended):
                continue
            except Lost:
                return "lost"
            except StoreError as error:
                log.error("post.left", post=run.post.id, why=f"{type(error).__name__}: {error}")
                return "left"
            return "given_back"
        return "left"

    async def _leave(self, run: Run, change: Change, outcome: Outcome) -> Outcome:
        """Saves the last word on this drive; if even that fails, the end of the lease brings the post back."""
        try:
            await run.save(change, now=self._now())
        except Lost:
            return "lost"
        except StoreError as error:
            log.warning("post.left", post=run.post.id, why=str(error))
            return "left"
        return outcome
