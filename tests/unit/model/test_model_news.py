"""The natural keys of publishing, for facts in any order and any number of times."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_things import a_fact

from libs.model.fact import Fact, FactKind
from libs.model.news import Heard, News, hear

K = FactKind


def heard_all(facts: list[Fact], *, draft: bool, publication: int = 1) -> tuple[dict[tuple[object, ...], News], int]:
    """What is known after all these facts, and how many events they made."""
    known: dict[tuple[object, ...], News] = {}
    events = 0
    for fact in facts:
        heard = hear(fact, publication=publication, known=tuple(known.values()), draft=draft)
        for news in heard.new:
            key = (news.publication, news.kind, news.tiktok_post_id, news.n)
            assert key not in known
            known[key] = news
            events += 1
        for news in heard.bound:
            key = (news.publication, news.kind, news.tiktok_post_id, news.n)
            assert known[key].create_time is None and news.create_time is not None
            known[key] = news
    return known, events


webhooks = st.builds(a_fact, st.just(K.COMPLETED), at=st.integers(100, 103))
polls = st.builds(a_fact, st.just(K.COMPLETED))
publics = st.builds(
    a_fact, st.sampled_from([K.PUBLIC, K.GONE]), at=st.none() | st.integers(100, 102), post_id=st.sampled_from("AB")
)


@given(st.lists(webhooks | polls | publics, min_size=1, max_size=12))
def test_a_direct_post_is_published_exactly_once(facts: list[Fact]) -> None:
    known, _ = heard_all(facts, draft=False)

    assert [key[1] for key in known].count("published") == 1


@given(st.lists(webhooks | polls, min_size=1, max_size=12))
def test_a_draft_is_published_once_per_time_told_by_webhook_and_at_least_once(facts: list[Fact]) -> None:
    known, events = heard_all(facts, draft=True)

    times = {fact.create_time for fact in facts if fact.create_time is not None}
    assert len(known) == events == max(1, len(times))
    assert sorted(key[3] for key in known) == list(range(1, events + 1))  # type: ignore[type-var]


@given(st.lists(webhooks | polls | publics, max_size=10), st.data())
def test_completions_are_at_least_as_many_as_public_ids_and_as_times_told(
    facts: list[Fact], data: st.DataObject
) -> None:
    known, _ = heard_all(facts, draft=True)

    published = [news for news in known.values() if news.kind == "published"]
    ids = {news.tiktok_post_id for news in known.values() if news.kind != "published"}
    times = {fact.create_time for fact in facts if fact.kind is K.COMPLETED and fact.create_time is not None}
    polled = any(fact.kind is K.COMPLETED and fact.create_time is None for fact in facts)
    assert len(published) >= max(len(ids), len(times))
    assert len(published) <= len(ids) + len(times) + polled
    assert times <= {news.create_time for news in published}


@given(st.lists(webhooks | polls | publics, max_size=8), st.booleans())
def test_what_was_heard_once_is_no_news_the_second_time(facts: list[Fact], draft: bool) -> None:
    known, _ = heard_all(facts, draft=draft)

    for fact in facts:
        if fact.create_time is not None or fact.kind is K.COMPLETED:
            assert hear(fact, publication=1, known=tuple(known.values()), draft=draft) == Heard()


FAMILY = [a_fact(K.COMPLETED, at=100), a_fact(K.COMPLETED), a_fact(K.PUBLIC, at=110, post_id="A"),
          a_fact(K.PUBLIC, post_id="A")]  # fmt: skip


@pytest.mark.parametrize("draft", [True, False])
@pytest.mark.parametrize("order", list(permutations(range(len(FAMILY)))))
def test_one_completion_told_in_four_ways_is_one_publication_in_every_order(
    order: tuple[int, ...], draft: bool
) -> None:
    known, events = heard_all([FAMILY[place] for place in order], draft=draft)

    assert events == 2
    assert {key[1] for key in known} == {"published", "public"}


def test_each_publication_of_a_draft_is_counted_by_itself() -> None:
    first, _ = heard_all([a_fact(K.COMPLETED, at=100)], draft=True)

    heard = hear(a_fact(K.COMPLETED, at=100), publication=2, known=tuple(first.values()), draft=True)

    assert heard.new == (News(2, "published", "", 1, 100),)


def test_a_second_publication_of_a_direct_post_makes_no_second_event() -> None:
    first, _ = heard_all([a_fact(K.COMPLETED, at=100)], draft=False)

    assert hear(a_fact(K.COMPLETED, at=200), publication=2, known=tuple(first.values()), draft=False) == Heard()


def test_only_publishing_is_heard() -> None:
    with pytest.raises(ValueError, match="not about what was published"):
        hear(a_fact(K.FAILED, at=1), publication=1, known=(), draft=False)


@pytest.mark.parametrize(
    ("client_key", "open_id", "about"),
    [("", "", True), ("key", "-000a", True), ("", "-000a", True), ("key", "-000b", False), ("other", "-000a", False)],
)
def test_a_fact_that_names_a_creator_is_about_no_other(client_key: str, open_id: str, about: bool) -> None:
    fact = replace(a_fact(K.FAILED), client_key=client_key, open_id=open_id)

    assert fact.may_be_of(client_key="key", open_id="-000a") is about
