"""What became of every run, by the simulator's world and by our tables, held against what was promised."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.campaign.ledger import Ledger
from bench.campaign.report import Part, Table, sample
from bench.campaign.world import World
from bench.publish.plan import Run
from bench.publish.play import Played
from bench.publish.scene import Scene

_POSTS = """
select o.id, o.state, o.problem ->> 'code' as code,
       (select count(*) from events e where e.post_id = o.id and e.type = 'post.published') as told,
       array(select t.kind from timeline t where t.post_id = o.id order by t.id) as timeline,
       (select t.detail ->> 'source' from timeline t where t.post_id = o.id and t.kind = 'published' limit 1) as source,
       array(select p.publish_id from publications p where p.post_id = o.id) as publish_ids, o.public_post_ids,
       exists (select from pulls u where u.post_id = o.id and u.fetched_at is not null) as fetched
from posts o where o.id = any($1::text[])
"""


@dataclass(frozen=True, slots=True)
class Fate:
    """How one run ended: `row` is ours, `out` what TikTok shows on its creator's profile."""

    run: Run
    row: dict[str, Any]
    out: list[dict[str, Any]]
    inits: int
    struck: bool
    told: bool

    @property
    def unconfirmed(self) -> bool:
        return "unconfirmed" in self.row["timeline"]

    @property
    def justified(self) -> bool:
        """Only a pull may have published unseen: its init has no reply, and its URLs were fetched."""
        return self.run.kind.pulled and bool(self.row["fetched"]) and "pull.unresolved" in self.row["timeline"]

    @property
    def lost(self) -> bool:
        """Every strike passes, so every post has to be out in the end, and we have to know it."""
        return self.row["state"] != "published" or not self.out

    def named(self) -> str:
        run = self.run
        return f"{run.title} ({run.kind}, {run.step.name}, {run.way}): {self.row['state']} {self.row['code'] or ''}"


async def fates(ledger: Ledger, runs: Sequence[Run], played: Played, world: World) -> list[Fate]:
    rows = {row["id"]: dict(row) for row in await ledger.rows(_POSTS, list(played.posts.values()))}
    out: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for post in world.posts:
        out[post["open_id"]].append(post)
    inits = Counter(publication["open_id"] for publication in world.publications)
    return [
        Fate(
            run,
            rows[played.posts[run.n]],
            out[played.creators[run.n].open_id],
            inits[played.creators[run.n].open_id],
            run.n in played.struck,
            run.n in played.told,
        )
        for run in runs
    ]


def judge(part: Part, found: Sequence[Fate], scene: Scene, world: World, *, at_least: int) -> None:
    """The promises of the issue's first line."""
    struck = [fate for fate in found if fate.struck]
    part.hold("runs that were struck", len(struck) >= at_least, f"{len(struck):,} of at least {at_least:,}")
    missed = [fate.named() for fate in found if not fate.struck]
    part.hold("every run met its strike", not missed, f"{len(struck):,} of {len(found):,}; missed {sample(missed)}")
    twice = [fate.named() for fate in found if len(fate.out) > 1]
    part.hold("duplicates", not twice, sample(twice))
    lost = [fate.named() for fate in found if fate.lost]
    part.hold("lost", not lost, sample(lost))
    doubtful = [fate.named() for fate in found if fate.unconfirmed and not fate.justified]
    unsure, told = [fate for fate in found if fate.unconfirmed], [fate for fate in found if fate.told]
    part.hold("unconfirmed only where TikTok may have published unseen", not doubtful,
              f"{len(unsure):,} were unconfirmed for a while; without a reason {sample(doubtful)}")  # fmt: skip
    left = [fate.named() for fate in found if fate.row["state"] == "unconfirmed"]
    part.hold("every unconfirmed one was resolved by TikTok's word", not left,
              f"{len(told):,} of them only by a webhook at the very end; left {sample(left)}")  # fmt: skip
    other = [fate.named() for fate in found if fate.out and not _whole(fate, scene)]
    part.hold("what is out is ours, whole", not other, sample(other))
    untold = [fate.named() for fate in found if fate.row["told"] != (fate.row["state"] == "published")]
    part.hold("post.published was recorded once for each, and for no other", not untold, sample(untold))
    over = sum(times for (_, code), times in world.calls.items() if code == "rate_limit_exceeded")
    part.hold("TikTok's limits per minute were kept", not over, f"{over} calls refused for their limit")
    wrong = world.health["unscripted_errors"] or world.health["job_failures"]
    part.hold("TikTok's simulator is well", not wrong, world.health)
    part.tables += [_fell(found), _ended(found)]


def _whole(fate: Fate, scene: Scene) -> bool:
    """The very bytes, known to us by its publish id, or by its own when it was found in the list."""
    return all(
        post["sha256"] == scene.digests[fate.run.kind]
        and (post["publish_id"] in fate.row["publish_ids"] or post["post_id"] in fate.row["public_post_ids"])
        for post in fate.out
    )


_COLUMNS = ("runs", "published", "by webhook", "by poll", "by list", "unconfirmed before", "inits", "twice", "lost")


def _ended(found: Sequence[Fate]) -> Table:
    table = Table(
        "How they ended",
        ("kind", *_COLUMNS),
    )
    for kind in dict.fromkeys(fate.run.kind for fate in found):
        table.rows.append((kind, *_counts([fate for fate in found if fate.run.kind is kind])))
    table.rows.append(("all", *_counts(found)))
    return table


def _fell(found: Sequence[Fate]) -> Table:
    table = Table(
        "Strikes",
        ("kind", "step", "way", *_COLUMNS),
    )
    groups: dict[tuple[str, str, str], list[Fate]] = defaultdict(list)
    for fate in found:
        groups[(fate.run.kind, fate.run.step.name, fate.run.way)].append(fate)
    table.rows = [(*key, *_counts(group)) for key, group in sorted(groups.items())]
    return table


def _counts(group: Sequence[Fate]) -> tuple[object, ...]:
    sources = Counter(fate.row["source"] for fate in group)
    return (
        len(group),
        sum(1 for fate in group if fate.row["state"] == "published"),
        sources["webhook"],
        sources["poll"],
        sources["video_list"],
        sum(1 for fate in group if fate.unconfirmed),
        sum(fate.inits for fate in group),
        sum(1 for fate in group if len(fate.out) > 1),
        sum(1 for fate in group if fate.lost),
    )
