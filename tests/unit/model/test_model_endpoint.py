"""Which events an endpoint wants, and which patterns are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_things import NOW, SECOND

from libs.model.endpoint import PATTERNS_MAX, SCHEDULE, Endpoint, EndpointState, Secret, pattern_errors, rotated, wanted
from libs.model.event import EventType
from libs.model.key import Capability, Key, digest, everything, new_secret

WANTS = [
    (("*",), "post.published", True),
    (("post.*",), "post.published", True),
    (("post.published",), "post.published", True),
    (("post.failed", "post.published"), "post.published", True),
    (("post.publish",), "post.published", False),
    (("post",), "post.published", False),
    (("post*",), "post.published", False),
    (("account.*",), "post.published", False),
    ((), "post.published", False),
    (("post.*",), "posts.published", False),
    (("video.*",), "video.publish_completed", True),
    (("post.*",), "post", False),
]


@pytest.mark.parametrize(("patterns", "type_", "wants"), WANTS)
def test_an_endpoint_wants_what_a_pattern_of_its_names(patterns: tuple[str, ...], type_: str, wants: bool) -> None:
    assert wanted(patterns, type_) is wants


@pytest.mark.parametrize("type_", list(EventType))
def test_every_type_can_be_asked_for_by_name_by_group_and_with_all(type_: EventType) -> None:
    group = type_.partition(".")[0] + ".*"

    assert pattern_errors((str(type_), group, "*")) == []
    for pattern in (str(type_), group, "*"):
        assert wanted([pattern], type_)


@pytest.mark.parametrize(
    "pattern", ["", "post", "post.", "post.publishd", "posts.*", "*.*", "**", ".*", "Post.*", "\ud800"]
)
def test_a_pattern_that_matches_nothing_is_refused_because_it_would_be_silence(pattern: str) -> None:
    errors = pattern_errors(("*", pattern))

    assert [(error.field, error.code) for error in errors] == [("events.1", "unknown_event")]


@pytest.mark.row("SA-46")
@pytest.mark.parametrize("pattern", ["comment.created", "comments.*", "mention.received", "message.received"])
def test_what_tiktok_tells_nobody_is_refused_with_the_reason(pattern: str) -> None:
    [error] = pattern_errors((pattern,))

    assert (error.code, "TikTok" in error.detail) == ("unknown_event", True)


@pytest.mark.parametrize("count", [0, PATTERNS_MAX, PATTERNS_MAX + 1])
def test_patterns_are_counted(count: int) -> None:
    assert bool(pattern_errors(("*",) * count)) == (count != PATTERNS_MAX)


@given(st.lists(st.sampled_from([*EventType, "*", "post.*", "account.*", "media.*"]), min_size=1, max_size=5))
def test_accepted_patterns_want_at_least_one_type(patterns: list[str]) -> None:
    assert pattern_errors(tuple(patterns)) == []
    assert any(wanted(patterns, type_) for type_ in EventType)


def test_secrets_are_not_shown() -> None:
    one = Endpoint("end_1", "cus_1", "https://a.example", ("*",), EndpointState.ENABLED, (Secret("whsec_secret"),))

    assert "whsec" not in repr(one)


def test_the_schedule_is_the_promised_one() -> None:
    assert [wait.total_seconds() for wait in SCHEDULE] == [
        0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600,
    ]  # fmt: skip
    assert sum(wait.total_seconds() for wait in SCHEDULE) == 75 * 3600 + 35 * 60 + 5


GRANTS = [
    ({}, False, False),
    ({"posts": "off"}, False, False),
    ({"posts": "read"}, True, False),
    ({"posts": "full"}, True, True),
    ({"media": "full"}, False, False),
    ({"posts": "all"}, False, False),
]


@pytest.mark.parametrize(("grants", "reads", "writes"), GRANTS)
def test_a_key_opens_only_what_a_grant_names(grants: dict[str, str], reads: bool, writes: bool) -> None:
    key = Key("key_1", None, "k", grants, created_at=NOW)

    assert key.allows(Capability.POSTS, write=False) is reads
    assert key.allows(Capability.POSTS, write=True) is writes


@pytest.mark.parametrize(
    ("expires", "revoked", "usable"),
    [(None, None, True), (1, None, True), (0, None, False), (-1, None, False), (None, 1, False), (1, -1, False)],
)
def test_a_key_is_usable_until_it_expires_or_is_revoked(expires: int | None, revoked: int | None, usable: bool) -> None:
    def at(seconds: int | None) -> object:
        return None if seconds is None else NOW + seconds * SECOND

    key = Key("key_1", None, "k", {}, created_at=NOW, expires_at=at(expires), revoked_at=at(revoked))  # type: ignore[arg-type]

    assert key.usable(NOW) is usable


def test_secrets_are_long_random_and_found_by_their_hash() -> None:
    secrets = {new_secret() for _ in range(100)}

    assert len(secrets) == 100 and all(secret.startswith("cw_") and len(secret) == 46 for secret in secrets)
    assert len({digest(secret) for secret in secrets}) == 100
    assert all(Key("key_1", None, "k", everything(), created_at=NOW).allows(c, write=True) for c in Capability)


@given(
    ends=st.lists(st.none() | st.integers(-1000, 10**7), min_size=1, max_size=6),
    overlap_s=st.integers(0, 30 * 86_400),
    fresh=st.integers(1, 2),
)
def test_after_a_rotation_new_keys_live_and_old_ones_end_in_time(
    ends: list[int | None], overlap_s: int, fresh: int
) -> None:
    old = [Secret(f"whsec_{n}", None if end is None else NOW + end * SECOND) for n, end in enumerate(ends)]
    names = [f"whsk_new{n}" for n in range(fresh)]

    after = rotated(old, names, now=NOW, overlap=overlap_s * SECOND)

    assert [secret.text for secret in after[:fresh]] == names
    assert all(secret.until is None for secret in after[:fresh])
    for secret in after[fresh:]:
        (was,) = [one for one in old if one.text == secret.text]
        assert secret.until is not None and NOW < secret.until <= NOW + overlap_s * SECOND
        assert was.until is None or secret.until <= was.until
    expected = {one.text for one in old if one.lives(NOW) and overlap_s > 0}
    assert {secret.text for secret in after[fresh:]} == expected
