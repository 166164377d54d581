"""What the api is started with."""

from functools import partial
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, field_validator

from libs.accounts.limit import usable_limits
from libs.broker.topology import usable_prefix
from libs.egress import usable_allow
from libs.media.storage import usable_media_url
from libs.model.key import PREFIX
from libs.runtime.settings import CommaList, DatabaseUrl, HttpUrl, ProgramSettings, RabbitUrl, SecretList
from libs.store.vault import usable_keys
from libs.tiktok.oauth import SCOPES, usable_base

CALLBACK = "/oauth/tiktok/callback"
RECONNECT = "/oauth/tiktok/reconnect/{token}"
"""The hosted page, beneath PUBLIC_URL: the redirect URI to register at TikTok."""
PROOF = "tiktok-developers-site-verification="
"""What stands before the token in a signature file; its name is `tiktok<token>.txt`."""
OPERATOR_KEY_MIN = 35
"""The prefix and 32 characters: what is looked up by a fast hash must not be guessable."""


class ApiSettings(ProgramSettings):
    """Names are the environment's in lower case: `DATABASE_URL`, `API_PORT`, …"""

    database_url: DatabaseUrl
    rabbitmq_url: RabbitUrl | None = Field(None, description="none: no bells; the alarms still find everything")
    rabbitmq_prefix: Annotated[str, AfterValidator(usable_prefix)] = ""
    clipwire_encryption_keys: Annotated[SecretList, AfterValidator(usable_keys)]
    media_url: Annotated[str, AfterValidator(usable_media_url)] = Field(
        description="file:///folder or s3://bucket/prefix"
    )
    media_max_bytes: Annotated[int, Field(ge=1)] = Field(4 * 1024**3, description="TikTok's limit (fact sheet 4.4)")
    public_url: Annotated[str, AfterValidator(partial(usable_base, path=CALLBACK))] = Field(
        "", description="where browsers reach us; empty: this machine only"
    )
    tiktok_auth_url: HttpUrl = "https://www.tiktok.com"
    media_quota_bytes: Annotated[int, Field(ge=0)] = Field(100 * 10**9, description="kept per customer, unless its own")
    media_quota_files: Annotated[int, Field(ge=0)] = 10_000
    tiktok_client_key: str = Field("", description="the app that accounts belong to unless they name another")
    tiktok_client_secret: SecretList = ()
    tiktok_scopes: CommaList = Field(SCOPES, description="asked for when a connect names none")
    tiktok_audited: bool = False
    tiktok_per_minute: Annotated[str, AfterValidator(usable_limits)] = ""
    """Calls an account may make a minute, where TikTok allows this app others than it documents."""
    tiktok_site_verification: CommaList = Field((), description="the tokens of TikTok's URL-prefix signature files")
    egress_allow: Annotated[str, AfterValidator(usable_allow)] = Field(
        "", description="CIDRs customers may be reached on besides the public internet"
    )
    operator_key: SecretStr | None = Field(None, description="made to exist at start, with every grant")
    api_rate_per_minute: Annotated[int, Field(ge=1)] = Field(
        6_000, description="calls of a customer's key, each process"
    )
    api_operator_rate_per_minute: Annotated[int, Field(ge=1)] = 120_000
    audit_days: Annotated[int, Field(ge=1)] = 400
    api_host: str = "127.0.0.1"
    api_port: Annotated[int, Field(ge=0, le=65535)] = 8080

    @field_validator("tiktok_site_verification", mode="after")
    @classmethod
    def _bare_tokens(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        """The token alone, the file's name or its content: whatever was copied from the portal."""
        tokens = tuple(text.removeprefix(PROOF).removeprefix("tiktok").removesuffix(".txt") for text in given)
        if bad := [token for token in tokens if not (token.isascii() and token.isalnum() and len(token) <= 128)]:
            raise ValueError(f"{len(bad)} of these are no signature file's name, content or token")
        return tokens

    @field_validator("operator_key")
    @classmethod
    def _unguessable(cls, key: SecretStr | None) -> SecretStr | None:
        text = key.get_secret_value() if key else PREFIX + "x" * OPERATOR_KEY_MIN
        if not text.startswith(PREFIX) or len(text) < OPERATOR_KEY_MIN or not text.isascii():
            raise ValueError(f"an operator key begins with {PREFIX} and has at least {OPERATOR_KEY_MIN} characters")
        return key
