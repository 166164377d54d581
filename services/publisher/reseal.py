"""Encryption keys that change while everything runs: what is stored is brought under the first, in the background."""

import asyncio

import structlog

from libs.runtime.metrics import Metrics
from libs.runtime.workers import Patience, wait_for_stop
from libs.store.errors import Contended, Unavailable
from libs.store.reseal import Resealer, Round

log = structlog.get_logger()

EVERY_S = 30.0


class Reseal:
    """Looks now and then whether anything is sealed with another key than the first; says when the others may go."""

    def __init__(self, resealer: Resealer, metrics: Metrics, *, every_s: float = EVERY_S) -> None:
        self._resealer = resealer
        self._every_s = every_s
        self._done = metrics.counter("secrets_resealed", "Stored secrets sealed anew with the first encryption key")
        self._left = metrics.gauge("secrets_under_old_keys", "Stored secrets sealed with another key than the first")
        self._said: Round | None = None

    async def run(self, stop: asyncio.Event) -> None:
        patience = Patience("reseal", most_s=self._every_s)
        while not stop.is_set():
            try:
                self._say(await self._resealer.round(progress=self._done.inc))
            except (Unavailable, Contended) as error:
                await patience.after(error, stop)
                continue
            patience.over()
            await wait_for_stop(stop, self._every_s)

    def _say(self, round_: Round) -> None:
        self._left.set(round_.left)
        if round_.resealed:
            log.info("secrets.resealed", values=round_.resealed, left=round_.left)
        if round_.behind and round_ != self._said:
            log.warning("secrets.not_resealed", left=round_.left, still_seal_with_another_key=round_.behind)
        for key in round_.retired:
            log.info("encryption_key.removable", key=key)
        self._said = round_
