"""Names, keys and the values everybody declares."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.broker.topology import BELLS, CLIPWIRE, DEAD_JOBS, JOBS, QUEUES, Names, bell_key, topic_matches


@pytest.mark.parametrize(
    ("pattern", "key", "takes"),
    [
        ("post.requested", "post.requested", True),
        ("post.requested", "post.requested.twice", False),
        ("event.*", "event.post", True),
        ("event.*", "event.post.published", False),
        ("event.*.published", "event.post.published", True),
        ("event.#", "event.post.published", True),
        ("event.#", "event", True),
        ("#.published", "published", True),
        ("#.published", "event.post.published", True),
        ("#.post.#", "event.post", True),
        ("#.post.#", "event.posts", False),
        ("#", "", True),
        ("*", "", False),
        ("", "", True),
        ("#", "anything.at.all", True),
    ],
)
def test_topic_pattern_takes_keys_as_rabbitmq_does(pattern: str, key: str, takes: bool) -> None:
    assert topic_matches(pattern, key) is takes


WORDS = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=5)


@given(parts=st.lists(st.sampled_from(["a", "b", "*", "#"]), min_size=1, max_size=5), words=WORDS)
def test_topic_matching_agrees_with_a_regular_expression(parts: list[str], words: list[str]) -> None:
    meaning = {"*": r"[^.]+\.", "#": r"([^.]+\.)*"}
    oracle = re.compile("".join(meaning.get(part, re.escape(part) + r"\.") for part in parts))

    assert topic_matches(".".join(parts), ".".join(words)) is bool(oracle.fullmatch(".".join(words) + "."))


def test_prefix_goes_before_every_name() -> None:
    names = Names("staging-")

    assert [names.of(each) for each in (CLIPWIRE, BELLS, JOBS, DEAD_JOBS)] == [
        "staging-clipwire",
        "staging-clipwire.bells",
        "staging-publisher.jobs",
        "staging-publisher.jobs.dead",
    ]
    assert names.bell_queue("abc") == "staging-clipwire.bells.abc"


@pytest.mark.parametrize("prefix", ["amq.", "amq.gen", "a b", "a/b", "é", "x" * 101, "a\n"])
def test_prefix_that_would_trip_somebody_up_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        Names(prefix)


@pytest.mark.parametrize(
    ("prefix", "queue", "own"),
    [
        ("", "publisher.jobs", True),
        ("", "publisher.jobs.dead", True),
        ("", "clipwire.bells.0a", True),
        ("", "publisher.jobs.mine", False),
        ("p.", "p.publisher.jobs", True),
        ("p.", "publisher.jobs", False),
        ("", "", False),
        ("", "amq.rabbitmq.reply-to.x", False),
    ],
)
def test_our_own_queues_are_known_by_name(prefix: str, queue: str, own: bool) -> None:
    assert Names(prefix).owns(queue) is own


@pytest.mark.parametrize("bell", ["", "Posts", "a b", "*", "#", "x" * 101])
def test_bells_have_plain_names(bell: str) -> None:
    with pytest.raises(ValueError, match="bell"):
        bell_key(bell)


def test_queues_have_no_argument_an_operator_would_want_to_change() -> None:
    assert [dict(queue.arguments) for queue in QUEUES] == [
        {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000},
        {"x-queue-type": "quorum"},
    ]
