"""The settings of ingest."""

from typing import Annotated

from pydantic import AfterValidator, Field

from libs.broker.topology import usable_prefix
from libs.runtime.settings import DatabaseUrl, ProgramSettings, RabbitUrl, SecretList
from libs.store.vault import usable_keys


class IngestSettings(ProgramSettings):
    """What ingest needs; names in capitals are the environment's."""

    database_url: DatabaseUrl
    rabbitmq_url: RabbitUrl | None = None
    rabbitmq_prefix: Annotated[str, AfterValidator(usable_prefix)] = ""
    tiktok_client_key: str
    tiktok_client_secret: SecretList = Field(min_length=1)
    clipwire_encryption_keys: Annotated[SecretList, AfterValidator(usable_keys)] = Field(min_length=1)
    ingest_host: str = "127.0.0.1"
    ingest_port: int = Field(default=8081, ge=0, le=65535)
    ingest_body_max: int = Field(default=256 * 1024, ge=1024, le=1024 * 1024)
    """Bytes of a webhook; TikTok's are under a kilobyte."""
    ingest_queue_max: int = Field(default=5000, ge=1, le=100_000)
    """Verified webhooks waiting to be saved; beyond it the answer is 503 and TikTok tries again."""
    ingest_batch_max: int = Field(default=128, ge=1, le=5000)
    """Webhooks of one commit. With far larger batches all who send fall into step: they wait for one commit together,
    and this process waits with them (measured: 500 left a tenth of its core idle)."""
    ingest_commits_at_once: int = Field(default=2, ge=1, le=16)
