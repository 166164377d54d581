"""The promises, held against the tables, TikTok's world and the customers' memory."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

from bench.campaign import ledger as sql
from bench.campaign.hooks import Sent
from bench.campaign.ledger import Ledger
from bench.campaign.posts import Asked
from bench.campaign.report import Part, sample
from bench.campaign.script import Film, HookKind
from bench.campaign.sink import Sink, natural
from bench.campaign.world import World

FORWARDED = (HookKind.UNKNOWN, HookKind.SHARE, HookKind.RESPELLED)


@dataclass(frozen=True, slots=True)
class Books:
    """Everything an audit reads."""

    posts: dict[str, asyncpg.Record]
    """idempotency key → the post's row."""
    publications: list[asyncpg.Record]
    events: list[asyncpg.Record]
    receipts: dict[str, asyncpg.Record]
    """hash of the body → its fact."""

    @classmethod
    async def read(cls, ledger: Ledger) -> "Books":
        return cls(
            posts={row["idempotency_key"]: row for row in await ledger.rows(sql.POSTS)},
            publications=await ledger.rows(sql.PUBLICATIONS),
            events=await ledger.rows(sql.EVENTS),
            receipts={row["hash"]: row for row in await ledger.rows(sql.RECEIPTS)},
        )


def audit_hooks(part: Part, books: Books, sent: list[Sent], world: World) -> None:
    """Every webhook that was answered 200 has its receipt, and its fact is settled or waits lawfully."""
    bodies = [each.body for each in sent] + [hook["body"].encode() for hook in world.accepted]
    known = {row["publish_id"] for row in books.publications}
    lost, unsettled, waiting = [], [], 0
    for body in bodies:
        row = books.receipts.get(hashlib.sha256(body).hexdigest())
        if row is None or row["key"] is None:
            lost.append(body[:80])
        elif row["settled_at"] is None:
            lawful = row["publish_id"] and row["publish_id"] not in known and row["alarm"] is not None
            waiting += bool(lawful)
            unsettled += [] if lawful else [row["key"]]
    part.hold(
        "every accepted webhook has its receipt and fact", not lost, f"{len(bodies):,} accepted, lost {sample(lost)}"
    )
    part.hold(
        "every fact is settled, or waits lawfully", not unsettled, f"{waiting:,} wait, left over {sample(unsettled)}"
    )
    strangers = sum(1 for each in sent if each.kind is HookKind.STRANGER)
    part.hold("what nobody owns is kept and waits", waiting == strangers, f"{waiting:,} of {strangers:,}")


def audit_posts(part: Part, books: Books, asked: list[Asked], world: World, films: dict[Film, str]) -> None:
    """Every accepted post is there once, and at TikTok exactly as often as it should be. `films`: sha256 by film."""
    missing = [post.key for post in asked if post.key not in books.posts]
    renamed = [p.key for p in asked if p.post_id and p.key in books.posts and books.posts[p.key]["id"] != p.post_id]
    extra = len(books.posts) - len({post.key for post in asked})
    part.hold(
        "every accepted post is one post of ours",
        not missing and not renamed and extra == 0,
        f"{len(asked):,} accepted, missing {sample(missing)}, under another id {sample(renamed)}, extra {extra}",
    )
    at_tiktok: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for shown in world.posts:
        at_tiktok[shown["title"]].append(shown)
    drafts = _drafts(world)
    wrong, states = [], Counter[str]()
    for post in asked:
        row = books.posts.get(post.key)
        if row is None:
            continue
        states[row["state"]] += 1
        out = at_tiktok.get(post.title, [])
        if (why := _wrong(post, row, out, drafts=drafts, books=books, films=films)) is not None:
            wrong.append(f"{post.key} ({row['id']}): {why}")
    found = ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()))
    part.hold("every accepted post went out exactly once, whole, or failed for its own fault", not wrong,
              f"{found}; wrong {sample(wrong)}")  # fmt: skip
    twice = [row["title"] for row in world.duplicates]
    part.hold("TikTok has nothing twice", not twice, f"{len(world.posts):,} posts there, twice {sample(twice)}")


def _wrong(
    post: Asked,
    row: asyncpg.Record,
    out: list[dict[str, Any]],
    *,
    drafts: set[str],
    books: Books,
    films: dict[Film, str],
) -> str | None:
    """What is wrong with a post, if anything."""
    mine = [p["publish_id"] for p in books.publications if p["post_id"] == row["id"]]
    if post.plan.film is Film.BROKEN:
        good = row["state"] == "failed" and row["code"] == "invalid_request" and not out and not mine
        return None if good else f"{row['state']} {row['code']}, a broken file with {len(out)} posts at TikTok"
    if post.plan.inbox:
        arrived = [publish_id for publish_id in mine if publish_id in drafts]
        good = row["state"] in ("in_inbox", "published") and len(arrived) == 1
        return None if good else f"{row['state']} {row['code']}, {len(arrived)} drafts arrived"
    if row["state"] != "published" or len(out) != 1:
        return f"{row['state']} {row['code']}, {len(out)} posts at TikTok"
    whole = out[0]["sha256"] == [films[post.plan.film]] and out[0]["publish_id"] in mine
    return None if whole else "other bytes, or another publication, than ours"


def _drafts(world: World) -> set[str]:
    """Publish ids of drafts that reached an inbox."""
    return {
        pub["publish_id"]
        for pub in world.publications
        if pub["mode"] != "direct" and pub["status"] in ("SEND_TO_USER_INBOX", "PUBLISH_COMPLETE")
    }


def audit_events(part: Part, books: Books, asked: list[Asked], sent: list[Sent], sink: Sink) -> None:
    """Every event of a customer arrived, under one id, and says what was said."""
    heard = sink.heard
    owed = {row["id"] for row in books.events if row["customer_id"] is not None}
    missing, strange = owed - set(heard), set(heard) - owed
    part.hold("every customer event arrived", not missing, f"{len(owed):,} events, missing {sample(sorted(missing))}")
    part.hold("nothing arrived that is no event", not strange, sample(sorted(strange)))
    by_meaning: dict[Any, set[str]] = defaultdict(set)
    for id_, each in heard.items():
        if (meaning := natural(each.type, each.body["data"])) is not None:
            by_meaning[meaning].add(id_)
    doubled = [str(meaning) for meaning, ids in by_meaning.items() if len(ids) > 1]
    keys = Counter(row["key"] for row in books.events)
    part.hold(
        "one thing that happened has one stable id",
        not doubled and max(keys.values(), default=1) == 1,
        f"{len(by_meaning):,} things heard of, under two ids {sample(doubled)}",
    )
    part.hold("bodies, signatures and addresses were right on every try", not sink.faults, dict(sink.faults) or
              f"{sink.received:,} deliveries judged")  # fmt: skip
    silent = _silent(books, asked, heard)
    part.hold("every post's beginning and end were told", not silent, sample(silent))
    _markers(part, books, sent, sink)


def _silent(books: Books, asked: list[Asked], heard: dict[str, Any]) -> list[str]:
    told = {(each.type, each.body["data"].get("post_id")) for each in heard.values()}
    last = {"published": "post.published", "in_inbox": "post.in_inbox", "failed": "post.failed"}
    silent = []
    for post in asked:
        row = books.posts.get(post.key)
        for type_ in ("post.accepted", last.get(row["state"], "") if row else ""):
            if row is not None and (type_, row["id"]) not in told:
                silent.append(f"{post.key}: no {type_ or row['state']}")
    return silent


def _markers(part: Part, books: Books, sent: list[Sent], sink: Sink) -> None:
    """What was said in webhooks of our own signing is heard exactly once, by whom it concerns."""
    found: dict[str, list[str]] = defaultdict(list)
    for id_, each in sink.heard.items():
        if (marker := _marker(each.body["data"].get("content"))) is not None:
            found[marker].append(f"{each.customer}/{id_}")
    wrong = [
        f"{each.marker}: {found[each.marker]}"
        for each in {each.marker: each for each in sent if each.kind in FORWARDED}.values()
        if [place.partition("/")[0] for place in found[each.marker]] != [each.account.customer]
    ]
    part.hold("what TikTok said of a creator was told once, to its customer", not wrong, sample(wrong))
    operators = Counter(
        _marker(row["data"].get("content")) for row in _decoded(books.events) if row["customer_id"] is None
    )
    wrong = [each.marker for each in sent if each.kind is HookKind.PORTABILITY and operators[each.marker] != 1]
    part.hold("what names no creator is the operator's, once", not wrong, sample(wrong))
    completions = Counter(
        each.body["data"].get("publish_id")
        for each in sink.heard.values()
        if each.type == "post.published" and each.body["data"].get("mode") == "inbox"
    )
    said = Counter(each.publish_id for each in sent if each.kind is HookKind.DRAFT)
    wrong = [
        f"{id_}: said {said[id_]}, told {completions[id_]}"
        for id_ in said | completions
        if said[id_] != completions[id_]
    ]
    part.hold("every completion of a draft was told once", not wrong, f"{said.total():,} said, wrong {sample(wrong)}")


def _marker(content: Any) -> str | None:
    if not isinstance(content, dict):
        return None
    return next((str(content[name]) for name in ("marker", "share_id", "request_id") if name in content), None)


def _decoded(events: list[asyncpg.Record]) -> Iterable[dict[str, Any]]:
    for row in events:
        yield {"customer_id": row["customer_id"], "data": orjson.loads(row["data"])}
