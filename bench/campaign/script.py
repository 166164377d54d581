"""What happens in a campaign, planned from its seed before it begins. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Literal

Target = Literal["ingest", "publisher", "notifier"]
TARGETS: tuple[Target, ...] = ("ingest", "publisher", "notifier")
Server = Literal["rabbitmq", "postgres"]
SERVERS: tuple[Server, ...] = ("rabbitmq", "postgres")


class Film(StrEnum):
    """Where a post's video comes from."""

    LIBRARY = "library"
    """Uploaded before: the post names its id."""
    ADDRESS = "address"
    """An URL: the publisher fetches and probes it first."""
    LARGE = "large"
    """Too large for one chunk."""
    BROKEN = "broken"
    """An URL that serves no video: the post has to fail, once, and say why."""


class HookKind(StrEnum):
    """What a webhook says that was signed here instead of by the simulator."""

    UNKNOWN = "unknown"
    """An event nobody has documented, of a connected creator."""
    SHARE = "share"
    """The old Video Kit's, of a connected creator."""
    RESPELLED = "respelled"
    """The same said twice in different bytes: two receipts, one event."""
    PORTABILITY = "portability"
    """Names no creator: the operator's own, so it goes to RabbitMQ and to no customer."""
    DRAFT = "draft"
    """A creator posts a draft, perhaps again: every time is news."""
    STRANGER = "stranger"
    """Of a publication nobody knows: kept, and looked for again."""


@dataclass(frozen=True, slots=True)
class PostPlan:
    """One post. `at` is seconds from the start; `twice` sends the same request again once it was accepted."""

    n: int
    at: float
    account: int
    film: Film
    inbox: bool
    public: bool
    twice: bool


@dataclass(frozen=True, slots=True)
class HookPlan:
    """One webhook of our own signing."""

    n: int
    at: float
    account: int
    kind: HookKind


@dataclass(frozen=True, slots=True)
class Strike:
    """One blow: `pause` seconds after the one before. `seconds` is how long it stays dead, or frozen."""

    pause: float
    target: Target
    freeze: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Outage:
    """A server is stopped in order, or killed (`hard`), and started again after about `seconds`."""

    server: Server
    hard: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Leases:
    """How long the programs hold work, in seconds; a freeze has to outlast what its target holds."""

    publisher: float
    chunk: float
    """What one chunk may take; the lease it is sent under is 30 s longer."""
    notifier: float
    endpoint: float
    """What one delivery may take."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything. `small` runs in seconds and freezes only briefly."""

    posts: int
    accounts: int
    hooks: int
    strikes: int
    seconds: float
    large: int
    small: bool

    @property
    def leases(self) -> Leases:
        return Leases(3.0, 4.0, 4.0, 1.5) if self.small else Leases(6.0, 6.0, 8.0, 3.0)


def size(scale: float) -> Size:
    """The issue's numbers at scale 1: 300 posts of 60 accounts, 3,000 webhooks, more than 60 strikes."""
    posts = max(4, round(300 * scale))
    return Size(
        posts=posts,
        accounts=max(3, posts // 5),
        # The simulator tells about one and a half of every post by itself.
        hooks=max(20, round(3000 * scale) - posts),
        strikes=max(3, round(66 * scale)),
        seconds=max(5.0, 190 * scale),
        large=round(4 * scale),
        small=scale < 0.2,
    )


def plan_posts(size: Size, *, seed: int) -> list[PostPlan]:
    """Spread over the whole time, accounts in turn, so that no account needs more than its six inits a minute."""
    random = Random(f"{seed}:posts")
    films = [Film.LARGE] * size.large + [Film.BROKEN] * (size.posts // 60)
    films += [random.choice((Film.LIBRARY, Film.ADDRESS)) for _ in range(size.posts - len(films))]
    random.shuffle(films)
    return [
        PostPlan(
            n=n,
            at=size.seconds * (n + random.random()) / size.posts,
            account=n % size.accounts,
            film=film,
            inbox=film in (Film.LIBRARY, Film.ADDRESS) and random.random() < 0.1,
            public=random.random() < 0.5,
            twice=random.random() < 0.05,
        )
        for n, film in enumerate(films)
    ]


_MIX = (
    (HookKind.UNKNOWN, 40),
    (HookKind.SHARE, 20),
    (HookKind.RESPELLED, 5),
    (HookKind.PORTABILITY, 20),
    (HookKind.DRAFT, 10),
    (HookKind.STRANGER, 5),
)


def plan_hooks(size: Size, *, seed: int) -> list[HookPlan]:
    """Spread over the whole time."""
    random = Random(f"{seed}:hooks")
    kinds = random.choices([kind for kind, _ in _MIX], [weight for _, weight in _MIX], k=size.hooks)
    return [
        HookPlan(n, size.seconds * (n + random.random()) / size.hooks, random.randrange(size.accounts), kind)
        for n, kind in enumerate(kinds)
    ]


def plan_strikes(size: Size, *, seed: int) -> list[Strike]:
    """Kills and freezes, about as many of each, each program as often as any other, in random order.

    Freezes outlast the lease of what their target holds; a few publishers sleep longer than a chunk, and one longer
    than an init.
    """
    random = Random(f"{seed}:strikes")
    leases = size.leases
    whom = [(TARGETS[n % 3], n % 2 == 1) for n in range(size.strikes)]
    random.shuffle(whom)
    sleeps = [] if size.small else [100.0] + [leases.chunk + 36.0] * 2
    strikes = []
    for target, freeze in whom:
        pause = size.seconds / size.strikes * random.uniform(0.3, 1.7)
        if not freeze:
            seconds = random.uniform(0.1, 1.0)
        elif target == "publisher" and sleeps and random.random() < 0.5:
            seconds = sleeps.pop()
        else:
            lease = {"ingest": 1.0, "publisher": leases.publisher, "notifier": leases.notifier}[target]
            seconds = lease + random.uniform(1.0, 3.0)
        strikes.append(Strike(pause, target, freeze, seconds))
    return strikes


def plan_outages(size: Size, *, seed: int) -> list[Outage]:
    """Every way of losing a server, twice; the small campaign loses each server once."""
    random = Random(f"{seed}:outages")
    seconds = (3.0, 4.0) if size.small else (8.0, 15.0)
    ways: list[tuple[Server, bool]] = [("rabbitmq", False), ("postgres", True)]
    if not size.small:
        ways = [(server, hard) for server in SERVERS for hard in (False, True)] * 2
    random.shuffle(ways)
    return [Outage(server, hard, random.uniform(*seconds)) for server, hard in ways]
