"""Every code and fail_reason of the fact sheet (3.5, 5), and one it does not have, said by TikTok wherever a post can
meet it: the post ends as the table says, with TikTok's own words, and no word that is not `ok` is ever a success."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from flow_house import Stage, open_stage

from libs.tiktok.readings import TABLE, Class, Source, read_code, read_fail_reason
from tests.each import each

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180), pytest.mark.thorough]
PATIENCE_S = 60.0
"""Seventy posts are on their way at once, perhaps on a machine that is busy with others."""

TOMORROW = "a_word_of_tomorrow"
CODES = [code for source, code in TABLE if source is Source.CODE and code != "ok"] + [TOMORROW]
ANYWHERE = (
    "invalid_param", "access_token_invalid", "scope_not_authorized", "rate_limit_exceeded", "internal_error", TOMORROW,
)  # fmt: skip
"""What every call may be answered; the others are said where the sheet has them."""
REASONS = [reason for source, reason in TABLE if source is Source.FAIL_REASON] + [TOMORROW]
CREATOR, VIDEO, INBOX, PHOTOS, STATUS, UPLOAD, REASON = (
    "creator_info/query", "video/init", "inbox/video/init", "content/init", "status/fetch", "upload", "a reason",
)  # fmt: skip
APP_FULL = "reached_active_user_cap"
"""A cap of the whole app: whoever comes later waits for it, so it is said last, and once."""
SAID = [
    *((VIDEO, code) for code in CODES if code != APP_FULL),
    *((endpoint, code) for endpoint in (CREATOR, STATUS) for code in ANYWHERE),
    *((CREATOR, code) for code in ("spam_risk_too_many_posts", "spam_risk_user_banned_from_posting")),
    *((STATUS, code) for code in ("invalid_publish_id", "token_not_authorized_for_specified_publish_id")),
    # What only these say, and a final no and a word of tomorrow.
    *((INBOX, code) for code in ("spam_risk_too_many_pending_share", "spam_risk_user_banned_from_posting", TOMORROW)),
    *((PHOTOS, code) for code in ("app_version_check_failed", "url_ownership_unverified", TOMORROW)),
]
CAPPED = [*((endpoint, code) for endpoint, code in SAID if read_code(code).kind is Class.WAIT_CAP), (VIDEO, APP_FULL)]
UPLOADS = {400: "failed", 403: "uploading", 404: "uploading", 416: "published", 500: "uploading", 502: "uploading"}
"""What the upload server may say instead of taking the bytes, and where the post is then (fact sheet 4.2): with a dead
URL it waits until nobody can be sending to it any more."""


def end(kind: Class) -> str:
    """Where a post is that met a word of this class at its beginning, before any time goes by."""
    match kind:
        case Class.RETRY | Class.WAIT_CAP | Class.RATE_LIMITED:
            return "queued"
        case Class.REFRESH:
            return "published"
        case _:
            return "failed"


@dataclass(frozen=True)
class Met:
    """A post, and what it was told on its way."""

    post: Mapping[str, Any]
    timeline: list[dict[str, Any]]
    log_ids: Mapping[str, set[str]]
    """TikTok's own, by the code it gave the account."""

    @property
    def state(self) -> str:
        return str(self.post["state"])

    @property
    def upstream(self) -> dict[str, Any]:
        return dict((self.post["problem"] or {}).get("upstream") or {})

    def call(self, code: str) -> dict[str, Any]:
        """The one call that was answered so."""
        [found] = [
            line["detail"] for line in self.timeline if line["kind"] == "call" and line["detail"].get("code") == code
        ]
        return dict(found)

    def statuses(self) -> list[dict[str, Any]]:
        """The calls that asked how it stands."""
        calls = [line["detail"] for line in self.timeline if line["kind"] == "call"]
        return [call for call in calls if call["call"] == "status_fetch"]

    def why(self) -> list[str]:
        """The reasons of the tries that are to come."""
        return [line["detail"]["reason"] for line in self.timeline if line["kind"] in ("retrying", "reslotted")]


Told = Mapping[tuple[str, str], Met]


class Posts:
    """A post for every word, each of an account of its own, and all on their way at once."""

    def __init__(self, stage: Stage, customer_id: str, media: str) -> None:
        self._stage, self._customer_id, self._media = stage, customer_id, media
        self._ids: dict[tuple[str, str], tuple[str, str]] = {}

    async def meet(self, endpoint: str, word: str, *faults: Mapping[str, Any], **request: Any) -> None:
        """A post whose account has these faults."""
        account = await self._stage.connect(self._customer_id, username=f"told{next(self._stage.count)}")
        for fault in faults:
            await self._stage.sim("POST", "faults", {"open_id": account["open_id"], **fault})
        usual = {"kind": "video", "media": [self._media], "privacy_level": "SELF_ONLY", "title": f"{endpoint} {word}"}
        wanted = {"customer_id": self._customer_id, "account_id": account["id"], **usual, **request}
        made = await self._stage.api("POST", "posts", {name: v for name, v in wanted.items() if v is not None})
        self._ids[endpoint, word] = made["id"], account["open_id"]

    def id(self, endpoint: str, word: str) -> str:
        return self._ids[endpoint, word][0]

    async def met(self) -> Told:
        """What became of all of them."""
        said: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for call in (await self._stage.sim("GET", "calls?limit=1000"))["calls"]:
            said[call["open_id"]][call["code"]].add(call["log_id"])
        rows = await self._stage.row(
            """
            select jsonb_object_agg(p.id, jsonb_build_object('state', p.state, 'problem', p.problem, 'lines', (
                select jsonb_agg(jsonb_build_object('kind', t.kind, 'detail', t.detail) order by t.id)
                from timeline t where t.post_id = p.id))) as found
            from posts p where customer_id = $1
            """,
            self._customer_id,
        )
        found = rows["found"] if isinstance(rows["found"], dict) else json.loads(rows["found"])
        return {
            where: Met(found[id_], found[id_]["lines"], said[open_id]) for where, (id_, open_id) in self._ids.items()
        }


def error(endpoint: str, code: str) -> dict[str, Any]:
    return {"do": "error", "endpoint": endpoint, "code": code}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def met(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Told]:
    async with open_stage(module_database_url, Path(tmp_path_factory.mktemp("house"))) as stage:
        customer_id = (await stage.api("POST", "customers", {"name": "told"}))["id"]
        sample = (await stage.http.get(f"{stage.urls['simulator']}/_sim/sample.mp4")).content
        posts = Posts(stage, customer_id, await stage.upload(customer_id, sample))
        photo = [f"{stage.urls['simulator']}/_sim/sample-1.jpg"]
        wanted: dict[str, dict[str, Any]] = {
            INBOX: {"mode": "inbox", "privacy_level": None}, PHOTOS: {"kind": "photo", "media": photo},
        }  # fmt: skip
        # A failure is told to whoever asks, so that it comes with a log id.
        await stage.sim("POST", "faults", {"do": "drop", "event": "post.publish.failed", "count": None})
        stick = {"do": "stick", "seconds": 3600}
        async with asyncio.TaskGroup() as group:
            for endpoint, code in SAID:
                faults = [error(endpoint, code), *([stick] if endpoint == STATUS else [])]
                group.create_task(posts.meet(endpoint, code, *faults, **wanted.get(endpoint, {})))
            for status in UPLOADS:
                fault = {"do": "status", "endpoint": UPLOAD, "status": status}
                group.create_task(posts.meet(UPLOAD, str(status), fault))
            for reason in REASONS:
                fault = stick if reason == TOMORROW else {"do": "fail_post", "fail_reason": reason}
                group.create_task(posts.meet(REASON, reason, fault))
        await stage.quiet(timeout=PATIENCE_S)
        query = """
            select publish_id, open_id from publications u join posts p on p.id = u.post_id
            join accounts a on a.id = p.account_id where p.id = $1
        """
        of = await stage.row(query, posts.id(REASON, TOMORROW))
        told = {"publish_id": of["publish_id"], "publish_type": "DIRECT_PUBLISH", "reason": TOMORROW}
        assert await stage.hear(stage.envelope("post.publish.failed", told, user_openid=of["open_id"])) == 200
        await stage.advance(3)
        await stage.quiet(timeout=PATIENCE_S)
        await posts.meet(VIDEO, APP_FULL, error(VIDEO, APP_FULL))
        await stage.quiet(timeout=PATIENCE_S)
        for endpoint, code in CAPPED:  # a cap is learned after the refusal is saved
            await stage.waits(posts.id(endpoint, code), "queued", after="reslotted")
        yield await posts.met()


@each("endpoint, code", [*((endpoint, code) for endpoint, code in SAID if endpoint != STATUS), (VIDEO, APP_FULL)])
async def test_a_code_at_the_beginning_ends_or_delays_a_post_as_the_table_says(
    met: Told, endpoint: str, code: str
) -> None:
    reading, found = read_code(code), met[endpoint, code]

    assert found.state == end(reading.kind)
    [log_id] = found.log_ids[code]
    assert found.call(code)["log_id"] == log_id
    if found.state == "failed":
        assert found.upstream == {"code": code, "log_id": log_id}
        assert (found.post["problem"]["code"], found.post["problem"]["stage"]) == (code, "init")
        assert found.post["problem"]["remedy"].startswith(reading.remedy)
    else:
        assert found.post["problem"] is None
        assert (code in found.why()) == (reading.kind in (Class.RETRY, Class.WAIT_CAP))


@each("code", [code for endpoint, code in SAID if endpoint == STATUS])
async def test_a_code_instead_of_a_status_says_nothing_about_the_post(met: Told, code: str) -> None:
    found = met[STATUS, code]

    assert (found.state, found.post["problem"]) == ("processing", None)
    [log_id] = found.log_ids[code]
    assert found.call(code)["log_id"] == log_id
    assert (code in found.why()) == (read_code(code).kind is Class.RETRY)


@each("reason", REASONS)
async def test_a_reason_of_a_failure_ends_a_post_or_sends_it_again_as_the_table_says(met: Told, reason: str) -> None:
    reading, found = read_fail_reason(reason), met[REASON, reason]

    assert found.state == end(reading.kind)
    if found.state == "queued":
        assert found.why() == [reason]
        return
    problem = found.post["problem"]
    assert (problem["code"], problem["stage"], problem["remedy"]) == (reason, "publish", reading.remedy)
    by_poll = {} if reason == TOMORROW else {"log_id": found.statuses()[0]["log_id"]}
    assert found.upstream == {"code": reason, "fail_reason": reason} | by_poll


@each("status", list(UPLOADS))
async def test_an_upload_that_is_refused_is_begun_again_or_asked_about_or_ended(met: Told, status: int) -> None:
    found = met[UPLOAD, str(status)]

    assert found.state == UPLOADS[status]
    assert status in [line["detail"]["status"] for line in found.timeline if line["kind"] == "call"]
    assert found.upstream == ({"code": "invalid_file_upload"} if status == 400 else {})
    assert bool(found.why()) == (status >= 500)
