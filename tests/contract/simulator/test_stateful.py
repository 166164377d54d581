"""Random lives: calls, clock jumps and faults in any order, over HTTP, against a model of what may never happen."""

import asyncio
import os
from collections import defaultdict
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from tests.contract.simulator.box import CHUNK, Box, Reply, chunked, open_box

LIMITS = {"video/init": 6, "inbox/video/init": 6, "content/init": 6, "status/fetch": 30, "creator_info/query": 20}
RUNNING = {"PROCESSING_UPLOAD", "PROCESSING_DOWNLOAD"}
LEGAL = {
    (None, "PROCESSING_UPLOAD"), (None, "PROCESSING_DOWNLOAD"),
    ("SEND_TO_USER_INBOX", "PUBLISH_COMPLETE"), ("SEND_TO_USER_INBOX", "FAILED"),
    *((running, ended) for running in RUNNING for ended in ("SEND_TO_USER_INBOX", "PUBLISH_COMPLETE", "FAILED")),
}  # fmt: skip
LEVELS = ("SELF_ONLY", "PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR", "NONSENSE")
MODES = ("DIRECT_POST", "MEDIA_UPLOAD")
MINUTE = timedelta(seconds=60)


class Life(RuleBasedStateMachine):
    """One simulator, several accounts, and everything a client, a creator and bad luck can do."""

    accounts = Bundle("accounts")
    uploads = Bundle("uploads")
    publish_ids = Bundle("publish_ids")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.box: Box = self.run(self.stack.enter_async_context(open_box(processing_s=5, audited=True)))
        self.accepted: dict[tuple[str, str], list[datetime]] = defaultdict(list)
        self.direct: dict[str, list[datetime]] = defaultdict(list)
        self.seen: dict[str, str] = {}
        self.numbers: set[str] = set()
        self.faulty = 0

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.runner.close()

    # Calls

    def call(self, endpoint: str, token: str, path: str, body: Any) -> Reply | None:
        """One call; None when a fault cut it. A 5xx is allowed only while a fault was armed."""
        armed = self.faulty
        try:
            reply: Reply = self.run(self.box.post(path, token, body))
        except aiohttp.ClientError:
            assert armed, "a connection broke without a fault"
            self.count_fault()
            return None
        if reply.status >= 500:
            assert armed, reply.text
            self.count_fault()
            return None
        if reply.status not in (401, 429):
            self.accepted[token, endpoint].append(self.box.clock.now())
        if reply.code == "ok" and "publish_id" in (reply.json.get("data") or {}):
            self.fresh(reply.data["publish_id"].rpartition(".")[2])
        return reply

    def count_fault(self) -> None:
        self.faulty = len(self.run(self.box.sim("GET", "faults"))["faults"])

    def fresh(self, number: str) -> None:
        assert number not in self.numbers, f"{number} was used before"
        self.numbers.add(number)

    @initialize(target=accounts)
    def first(self) -> Any:
        return self.run(self.box.account(private=False))

    @rule(target=accounts, private=st.booleans(), banned=st.booleans())
    def another_account(self, private: bool, banned: bool) -> Any:
        return self.run(self.box.account(private=private, banned=banned))

    @rule(
        target=publish_ids, account=accounts, level=st.sampled_from(LEVELS), size=st.sampled_from((1, 1000, 66_000_000))
    )
    def init_whole(self, account: dict[str, Any], level: str, size: int) -> Any:
        body = {"post_info": {"privacy_level": level}, "source_info": chunked(size, size, 1)}
        reply = self.call("video/init", account["access_token"], "post/publish/video/init/", body)
        if reply is None or reply.code != "ok":
            return multiple()
        self.direct[account["union_id"]].append(self.box.clock.now())
        return (account, reply.data["publish_id"])

    @rule(target=uploads, account=accounts, inbox=st.booleans())
    def init_chunked(self, account: dict[str, Any], inbox: bool) -> Any:
        body: dict[str, Any] = {"source_info": chunked(2 * CHUNK, CHUNK, 2)}
        path, name = "post/publish/inbox/video/init/", "inbox/video/init"
        if not inbox:
            path, name = "post/publish/video/init/", "video/init"
            body["post_info"] = {"privacy_level": "SELF_ONLY"}
        reply = self.call(name, account["access_token"], path, body)
        if reply is None or reply.code != "ok":
            return multiple()
        if not inbox:
            self.direct[account["union_id"]].append(self.box.clock.now())
        return (account, reply.data["publish_id"], reply.data["upload_url"])

    @rule(
        target=publish_ids, account=accounts, mode=st.sampled_from(("DIRECT_POST", "MEDIA_UPLOAD")), good=st.booleans()
    )
    def init_photos(self, account: dict[str, Any], mode: str, good: bool) -> Any:
        name = "sample-1.jpg" if good else "nowhere.jpg"
        source = {"source": "PULL_FROM_URL", "photo_cover_index": 0, "photo_images": [f"{self.box.url}/_sim/{name}"]}
        body = {"media_type": "PHOTO", "post_mode": mode, "post_info": {"privacy_level": "SELF_ONLY"},
                "source_info": source}  # fmt: skip
        reply = self.call("content/init", account["access_token"], "post/publish/content/init/", body)
        if reply is None or reply.code != "ok":
            return multiple()
        if mode == "DIRECT_POST":
            self.direct[account["union_id"]].append(self.box.clock.now())
        return (account, reply.data["publish_id"])

    @rule(target=publish_ids, upload=consumes(uploads), order=st.permutations((0, 1)), extra=st.booleans())
    def put_chunks(self, upload: Any, order: list[int], extra: bool) -> Any:
        account, publish_id, url = upload
        for index in (*order, 1) if extra else order:
            armed = self.faulty
            try:
                reply = self.run(self.box.put(url, b"x" * CHUNK, first=index * CHUNK, total=2 * CHUNK))
            except aiohttp.ClientError:
                assert armed
                self.count_fault()
                continue
            assert reply.status in (201, 206, 403, 404, 416) or (armed and reply.status >= 500), reply
            self.count_fault()
        return (account, publish_id)

    @rule(post=publish_ids)
    def status(self, post: Any) -> None:
        account, publish_id = post
        reply = self.call(
            "status/fetch", account["access_token"], "post/publish/status/fetch/", {"publish_id": publish_id}
        )
        assert reply is None or reply.code in (
            "ok", "rate_limit_exceeded", "access_token_invalid", "token_not_authorized_for_specified_publish_id"
        )  # fmt: skip

    @rule(post=publish_ids, stranger=accounts)
    def cancel(self, post: Any, stranger: dict[str, Any]) -> None:
        _, publish_id = post
        self.call("cancel", stranger["access_token"], "post/publish/cancel/", {"publish_id": publish_id})

    @rule(account=accounts)
    def creator_info(self, account: dict[str, Any]) -> None:
        self.call("creator_info/query", account["access_token"], "post/publish/creator_info/query/", {})

    # Creators, the clock, bad luck

    @rule(target=accounts, account=consumes(accounts))
    def refresh(self, account: dict[str, Any]) -> Any:
        fields = {"grant_type": "refresh_token", "refresh_token": account["refresh_token"]}
        try:
            reply = self.run(self.box.app_form("token", **fields))
        except aiohttp.ClientError:
            assert self.faulty
            self.count_fault()
            return account
        pair = reply.json if reply.status < 500 else {}
        self.count_fault()
        return {**account, **pair} if "access_token" in pair else account

    @rule(account=accounts, reason=st.integers(0, 5))
    def disconnect(self, account: dict[str, Any], reason: int) -> None:
        reply = self.run(self.box.call("POST", f"/_sim/accounts/{account['union_id']}/disconnect?reason={reason}"))
        assert reply.status in (204, 404)  # 404: forgotten by start_over

    @rule(post=publish_ids)
    def post_draft(self, post: Any) -> None:
        reply = self.run(self.box.call("POST", f"/_sim/publications/{post[1]}/post", json={}))
        assert reply.status in (201, 400, 404)

    @rule(seconds=st.sampled_from((0.5, 6, 59, 61, 3_601, 30_000, 90_000)))
    def time_passes(self, seconds: float) -> None:
        self.box.advance(seconds)

    @rule(do=st.sampled_from(("status", "status_after", "reset", "reset_after", "truncated_body")))
    def bad_luck(self, do: str) -> None:
        self.run(self.box.fault(do))
        self.faulty += 1

    @rule(reason=st.sampled_from(("internal", "spam_risk")), stuck=st.booleans())
    def bad_post(self, reason: str, stuck: bool) -> None:
        more = {"do": "stick", "seconds": 1000} if stuck else {"do": "fail_post"}
        self.run(self.box.sim("POST", "faults", {**more, "fail_reason": reason}))
        self.faulty += 1

    @rule()
    def start_over(self) -> None:
        self.run(self.box.sim("POST", "reset"))
        self.run(self.box.turn(processing_s=5, audited=True))
        self.seen.clear()
        self.accepted.clear()
        self.direct.clear()
        self.faulty = 0

    # What may never happen

    @invariant()
    def only_legal_moves(self) -> None:
        world = self.run(self.box.sim("GET", "world"))
        for pub in world["publications"]:
            before, now = self.seen.get(pub["publish_id"]), pub["status"]
            if before is None and now not in RUNNING:
                before = "PROCESSING_UPLOAD"
            assert before == now or (before, now) in LEGAL, (before, now, pub)
            assert pub["fail_reason"] is None or now == "FAILED"
            assert pub["mode"] == "inbox" or pub["published"] <= 1
            assert set(pub["public_ids"]) <= set(pub["post_ids"])
            self.seen[pub["publish_id"]] = now
        assert world["health"]["unscripted_errors"] == 0 and world["health"]["job_failures"] == 0
        ids = [post["post_id"] for post in world["posts"]]
        assert len(ids) == len(set(ids)) and not set(ids) & self.numbers

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        for (_, endpoint), times in self.accepted.items():
            limit = LIMITS.get(endpoint)
            if limit is not None and times:
                assert sum(at > times[-1] - MINUTE for at in times) <= limit
        for times in self.direct.values():
            assert sum(at > times[-1] - timedelta(hours=24) for at in times) <= 15


Life.TestCase.settings = settings(
    max_examples=int(os.environ.get("SIMULATOR_LIVES", "12")),
    stateful_step_count=35,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestLife = Life.TestCase
