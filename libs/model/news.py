"""Which heard facts are news: the natural keys of publishing (design section 4).

A poll and a webhook that say the same thing make one event. A poll knows no `create_time`, so it *claims* the next
ordinal and the first webhook that fits *binds* its `create_time` to that claim; a time already bound
makes it a repetition. A direct post publishes once; a draft publishes as often as its creator posts it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from libs.model.fact import Fact, FactKind

Kind = Literal["published", "public", "gone"]


@dataclass(frozen=True, slots=True)
class News:
    """One thing that is known to have happened to a publication, and the row that remembers it.

    `n` counts within (kind, tiktok_post_id); `create_time` is None until a webhook binds one.
    """

    publication: int
    kind: Kind
    tiktok_post_id: str
    n: int
    create_time: int | None


@dataclass(frozen=True, slots=True)
class Heard:
    """What a fact adds: rows to insert (each one makes an event) and rows whose time is now known (no event)."""

    new: tuple[News, ...] = ()
    bound: tuple[News, ...] = ()


def hear(fact: Fact, *, publication: int, known: Sequence[News], draft: bool) -> Heard:
    """Decides what of a completed, public or gone fact is new, given everything known of the same post."""
    match fact.kind:
        case FactKind.COMPLETED:
            return _completed(fact, publication=publication, known=known, draft=draft)
        case FactKind.PUBLIC | FactKind.GONE:
            kind: Kind = "public" if fact.kind is FactKind.PUBLIC else "gone"
            told = _told(fact, kind=kind, publication=publication, known=known)
            implied = _implied(fact, publication=publication, known=known, draft=draft)
            return Heard(new=(*implied, *told.new), bound=told.bound)
        case _:
            raise ValueError(f"{fact.kind} is not about what was published")


def _completed(fact: Fact, *, publication: int, known: Sequence[News], draft: bool) -> Heard:
    out = [news for news in known if news.kind == "published"]
    if not draft:
        return Heard() if out else Heard(new=(News(publication, "published", "", 1, fact.create_time),))
    mine = [news for news in out if news.publication == publication]
    if fact.create_time is None:
        return Heard() if mine else Heard(new=(News(publication, "published", "", _next(mine), None),))
    return _bind_or_add(fact, mine, News(publication, "published", "", _next(mine), fact.create_time))


def _told(fact: Fact, *, kind: Kind, publication: int, known: Sequence[News]) -> Heard:
    same = [
        news
        for news in known
        if (news.publication, news.kind, news.tiktok_post_id) == (publication, kind, fact.post_id)
    ]
    if fact.create_time is None:
        # A poll that still lists a public id says nothing new, also after a webhook said it is gone: it may be stale.
        return Heard() if same else Heard(new=(News(publication, kind, fact.post_id, 1, None),))
    return _bind_or_add(fact, same, News(publication, kind, fact.post_id, _next(same), fact.create_time))


def _bind_or_add(fact: Fact, same: Sequence[News], new: News) -> Heard:
    if any(news.create_time == fact.create_time for news in same):
        return Heard()
    unbound = [news for news in same if news.create_time is None]
    if unbound:
        first = min(unbound, key=lambda news: news.n)
        return Heard(bound=(replace(first, create_time=fact.create_time),))
    return Heard(new=(new,))


def _implied(fact: Fact, *, publication: int, known: Sequence[News], draft: bool) -> tuple[News, ...]:
    """Public news first implies published: there are at least as many completions as there are public ids."""
    out = [news for news in known if news.kind == "published" and (not draft or news.publication == publication)]
    if not draft:
        return () if out else (News(publication, "published", "", 1, None),)
    ids = {n.tiktok_post_id for n in known if n.kind in ("public", "gone") and n.publication == publication}
    if len(ids | {fact.post_id}) <= len(out):
        return ()
    return (News(publication, "published", "", _next(out), None),)


def _next(same: Sequence[News]) -> int:
    return 1 + max((news.n for news in same), default=0)
