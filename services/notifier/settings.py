"""The notifier's settings."""

from typing import Annotated

from pydantic import AfterValidator, Field

from libs.broker.topology import usable_prefix
from libs.egress import usable_allow
from libs.runtime.settings import DatabaseUrl, ProgramSettings, RabbitUrl, SecretList
from libs.store.vault import usable_keys


class NotifierSettings(ProgramSettings):
    """What the notifier needs; names in capitals are the environment's."""

    database_url: DatabaseUrl
    rabbitmq_url: RabbitUrl | None = None
    rabbitmq_prefix: Annotated[str, AfterValidator(usable_prefix)] = ""
    clipwire_encryption_keys: Annotated[SecretList, AfterValidator(usable_keys)] = Field(min_length=1)
    egress_allow: Annotated[str, AfterValidator(usable_allow)] = ""
    notifier_host: str = "127.0.0.1"
    notifier_port: int = Field(default=8085, ge=0, le=65535)
    notifier_concurrency: int = Field(default=256, ge=1, le=5000)
    """Requests under way at once, in one process."""
    notifier_endpoint_concurrency: int = Field(default=50, ge=1, le=1000)
    """Requests under way at once to one endpoint, in one process."""
    notifier_lease_s: float = Field(default=120.0, ge=2)
    """How long a claimed delivery is nobody else's; what is not begun in time is not begun. An endpoint's timeout
    counts only up to four fifths of it."""
    notifier_idle_s: float = Field(default=1.0, gt=0, le=60)
