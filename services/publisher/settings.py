"""The publisher's settings."""

from functools import partial
from typing import Annotated

from pydantic import AfterValidator, Field

from libs.accounts.limit import usable_limits
from libs.broker.topology import usable_prefix
from libs.egress import usable_allow
from libs.media.storage import usable_media_url
from libs.runtime.settings import DatabaseUrl, HttpUrl, ProgramSettings, RabbitUrl, SecretList
from libs.store.vault import usable_keys
from libs.tiktok.oauth import usable_base

PULL = "/pull/"
"""What TikTok fetches lies beneath it, at PUBLIC_URL."""


def usable_hours(hours: float) -> float:
    """0, or an hour and more: what is due within an hour is counted along with what is due."""
    if 0 < hours < 1:
        raise ValueError("must be 0, or 1 to 720")
    return hours


class PublisherSettings(ProgramSettings):
    """What the publisher needs; names in capitals are the environment's."""

    database_url: DatabaseUrl
    rabbitmq_url: RabbitUrl | None = None
    rabbitmq_prefix: Annotated[str, AfterValidator(usable_prefix)] = ""
    tiktok_auth_url: HttpUrl = "https://www.tiktok.com"
    tiktok_client_key: str
    tiktok_client_secret: SecretList = Field(min_length=1)
    tiktok_audited: bool = False
    tiktok_per_minute: Annotated[str, AfterValidator(usable_limits)] = ""
    """Calls an account may make a minute, where TikTok allows this app others than it documents."""
    clipwire_encryption_keys: Annotated[SecretList, AfterValidator(usable_keys)] = Field(min_length=1)
    media_url: Annotated[str, AfterValidator(usable_media_url)]
    media_max_bytes: int = Field(default=4 * 1024**3, ge=1)
    media_converters: int = Field(default=1, ge=1, le=32)
    """Videos converted at once by one process; each takes two cores while it lasts."""
    media_keep_used_days: int = Field(default=7, ge=1)
    """How long a file stays after a post last needed it."""
    media_keep_unused_days: int = Field(default=30, ge=1)
    """How long a file stays that no post ever needed."""
    media_quota_bytes: int = Field(default=100 * 10**9, ge=0)
    media_quota_files: int = Field(default=10_000, ge=0)
    """What a customer may keep unless it has a quota of its own, asked again when a file that was fetched is here."""
    egress_allow: Annotated[str, AfterValidator(usable_allow)] = ""
    public_url: Annotated[str, AfterValidator(partial(usable_base, path=PULL))] = ""
    """Where TikTok reaches the api from outside: pull URLs begin with it. Without it nothing can be pulled."""
    publisher_host: str = "127.0.0.1"
    publisher_port: int = Field(default=8084, ge=0, le=65535)
    publisher_concurrency: int = Field(default=16, ge=1, le=200)
    """Posts driven at once by one process, and so the bound of its memory: an upload in flight holds under three
    megabytes (`make bench` measures it), whatever the size of its file.
    """
    publisher_lease_s: float = Field(default=90.0, ge=2)
    """How long a claimed post is nobody else's. Longer than any call but a chunk, which has a lease of its own."""
    publisher_chunk_timeout_s: float = Field(default=240.0, ge=1, le=240)
    """Under the model's fence of five minutes: a chunk begun in an upload URL's last second has ended by then."""
    publisher_idle_s: float = Field(default=1.0, gt=0, le=60)
    """How often to look for due work when no bell rings."""
    stats_every_h: Annotated[float, AfterValidator(usable_hours)] = Field(default=23.0, ge=0, le=24 * 30)
    """How often the numbers of accounts and public posts are taken, an hour apart at least; 0 takes none."""
    stats_post_days: int = Field(default=30, ge=0, le=3650)
    """How long a post's numbers are taken after it became public."""
    stats_keep_days: int = Field(default=400, ge=1)
    """How long they are kept."""
    retention_days: int = Field(default=30, ge=7)


def connections(settings: PublisherSettings) -> int:
    """To TikTok: one for each post that is driven, and some for tokens, whatever else is under way."""
    return settings.publisher_concurrency + 20
