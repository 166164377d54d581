"""What a key may do: denied by default, and the nearest grant wins."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.model.key import Capability, Key, Level, Reach, Scoped

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
POSTS, VIDEOS = Capability.POSTS, Capability.VIDEOS
OFF, READ, FULL = Level.OFF, Level.READ, Level.FULL


def key(general: Level | None = None, *scoped: Scoped, **more: datetime) -> Key:
    return Key("key_1", "cus_1", "k", {} if general is None else {"posts": general}, NOW, scoped=scoped, **more)


def account(id_: str, level: Level, capability: Capability = POSTS) -> Scoped:
    return Scoped(capability, level, account_id=id_, holds=id_)


def group(id_: str, level: Level, holds: str | None) -> Scoped:
    return Scoped(POSTS, level, group_id=id_, holds=holds)


def only(*ids: str) -> Reach:
    return Reach(only=frozenset(ids))


def but(*ids: str) -> Reach:
    return Reach(but=frozenset(ids))


@pytest.mark.parametrize(
    ("of", "read", "write"),
    [
        (key(), None, None),
        (key(OFF), None, None),
        (key(READ), Reach(), None),
        (key(FULL), Reach(), Reach()),
        (key(None, account("a", READ)), only("a"), None),
        (key(None, account("a", FULL), account("b", READ)), only("a", "b"), only("a")),
        (key(None, account("a", FULL, VIDEOS)), None, None),
        (key(FULL, account("a", OFF), account("b", READ)), but("a"), but("a", "b")),
        (key(READ, account("a", FULL)), Reach(), only("a")),
        (key(None, group("g", FULL, "a")), only("a"), only("a")),
        (key(None, group("g", FULL, None)), only(), only()),
        (key(None, group("g", FULL, "a"), account("a", OFF)), only(), only()),
        (key(None, account("a", FULL), group("g", OFF, "a")), only("a"), only("a")),
        (key(FULL, group("g", OFF, "a")), but("a"), but("a")),
    ],
)
def test_the_nearest_grant_decides_for_each_account(of: Key, read: Reach | None, write: Reach | None) -> None:
    assert of.reach(POSTS, write=False) == read
    assert of.reach(POSTS, write=True) == write


LEVELS = st.sampled_from(Level)
SCOPED = st.lists(
    st.builds(account, st.sampled_from("abc"), LEVELS, st.sampled_from([POSTS, VIDEOS]))
    | st.builds(group, st.sampled_from("gh"), LEVELS, st.sampled_from(["a", "b", None])),
    max_size=6,
    unique_by=lambda one: (one.account_id, one.group_id, one.capability),
).filter(lambda many: len({s.holds for s in many if s.group_id}) == len([s for s in many if s.group_id]))


@given(st.none() | LEVELS, SCOPED)
def test_what_may_be_changed_may_be_read_and_no_account_is_reached_without_a_grant(
    general: Level | None, scoped: list[Scoped]
) -> None:
    of = key(general, *scoped)
    for write in (False, True):
        reach = of.reach(POSTS, write=write)
        for id_ in "abcd":
            nearest = next((s.level for s in scoped if s.account_id == id_ and s.capability is POSTS), None)
            nearest = nearest or next((s.level for s in scoped if s.group_id and s.holds == id_), None)
            level = nearest or general or OFF
            assert (reach is not None and reach.has(id_)) is level.opens(write=write)


def test_a_former_secret_opens_until_its_end_and_no_longer_than_the_key() -> None:
    soon, later = NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)

    assert key(FULL, former_until=soon).usable(NOW)
    assert not key(FULL, former_until=soon).usable(soon)
    assert not key(FULL, former_until=later, expires_at=soon).usable(soon)
    assert not key(FULL, former_until=later, revoked_at=NOW).usable(NOW)
