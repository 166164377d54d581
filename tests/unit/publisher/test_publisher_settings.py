"""What an operator may set, and what no setting may undo."""

from datetime import timedelta

import pytest

from libs.model.look import FENCE
from libs.runtime.settings import SettingsError, load
from libs.store.vault import new_key
from services.publisher.settings import PublisherSettings, connections

NEEDED = {
    "DATABASE_URL": "postgresql:///x",
    "TIKTOK_CLIENT_KEY": "aw",
    "TIKTOK_CLIENT_SECRET": "s",
    "CLIPWIRE_ENCRYPTION_KEYS": new_key(),
    "MEDIA_URL": "file:///tmp/x",
    "TIKTOK_API_URL": "https://open.tiktokapis.com",
}


def chunk_timeout(**environ: str) -> timedelta:
    return timedelta(seconds=load(PublisherSettings, NEEDED | environ).publisher_chunk_timeout_s)


def test_a_chunk_begun_before_the_fence_has_ended_when_it_falls() -> None:
    assert chunk_timeout() < FENCE
    assert chunk_timeout(PUBLISHER_CHUNK_TIMEOUT_S="240") < FENCE


@pytest.mark.parametrize("seconds", ["240.5", "300", "480"])
def test_no_chunk_may_be_allowed_as_long_as_the_fence(seconds: str) -> None:
    with pytest.raises(SettingsError, match="PUBLISHER_CHUNK_TIMEOUT_S"):
        load(PublisherSettings, NEEDED | {"PUBLISHER_CHUNK_TIMEOUT_S": seconds})


@pytest.mark.parametrize("posts", ["1", "200"])
def test_every_post_that_is_driven_has_a_connection_and_tokens_have_theirs(posts: str) -> None:
    settings = load(PublisherSettings, NEEDED | {"PUBLISHER_CONCURRENCY": posts})

    assert connections(settings) >= settings.publisher_concurrency + 10


@pytest.mark.parametrize("posts", ["0", "201"])
def test_what_bounds_the_memory_is_bounded_itself(posts: str) -> None:
    with pytest.raises(SettingsError, match="PUBLISHER_CONCURRENCY"):
        load(PublisherSettings, NEEDED | {"PUBLISHER_CONCURRENCY": posts})
