"""What the api is started with."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, field_validator

from libs.accounts.limit import usable_limits
from libs.broker.topology import Names
from libs.egress import BadAllowList, parse_allow
from libs.model.key import PREFIX
from libs.runtime.settings import CommaList, ProgramSettings, SecretList
from libs.store.vault import usable_keys
from libs.tiktok.oauth import SCOPES, redirect_problem

CALLBACK = "/oauth/tiktok/callback"
RECONNECT = "/oauth/tiktok/reconnect/{token}"
"""The hosted page, beneath PUBLIC_URL: the redirect URI to register at TikTok."""
PROOF = "tiktok-developers-site-verification="
"""What stands before the token in a signature file; its name is `tiktok<token>.txt`."""
OPERATOR_KEY_MIN = 35
"""The prefix and 32 characters: what is looked up by a fast hash must not be guessable."""


class ApiSettings(ProgramSettings):
    """Names are the environment's in lower case: `DATABASE_URL`, `API_PORT`, …"""

    database_url: str
    rabbitmq_url: SecretStr | None = Field(None, description="none: no bells; the alarms still find everything")
    rabbitmq_prefix: str = ""
    clipwire_encryption_keys: Annotated[SecretList, AfterValidator(usable_keys)]
    media_url: str = Field(description="file:///folder or s3://bucket/prefix")
    media_max_bytes: Annotated[int, Field(ge=1)] = Field(4 * 1024**3, description="TikTok's limit (fact sheet 4.4)")
    public_url: str = Field("", description="where browsers reach us; empty: this machine only")
    tiktok_auth_url: str = "https://www.tiktok.com"
    media_quota_bytes: Annotated[int, Field(ge=0)] = Field(100 * 10**9, description="kept per customer, unless its own")
    media_quota_files: Annotated[int, Field(ge=0)] = 10_000
    tiktok_client_key: str = Field("", description="the app that accounts belong to unless they name another")
    tiktok_client_secret: SecretList = ()
    tiktok_scopes: CommaList = Field(SCOPES, description="asked for when a connect names none")
    tiktok_audited: bool = False
    tiktok_per_minute: Annotated[str, AfterValidator(usable_limits)] = ""
    """Calls an account may make a minute, where TikTok allows this app others than it documents."""
    tiktok_site_verification: CommaList = Field((), description="the tokens of TikTok's URL-prefix signature files")
    egress_allow: str = Field("", description="CIDRs customers may be reached on besides the public internet")
    operator_key: SecretStr | None = Field(None, description="made to exist at start, with every grant")
    api_rate_per_minute: Annotated[int, Field(ge=1)] = Field(
        6_000, description="calls of a customer's key, each process"
    )
    api_operator_rate_per_minute: Annotated[int, Field(ge=1)] = 120_000
    audit_days: Annotated[int, Field(ge=1)] = 400
    api_host: str = "127.0.0.1"
    api_port: Annotated[int, Field(ge=0, le=65535)] = 8080

    @field_validator("rabbitmq_prefix")
    @classmethod
    def _usable_prefix(cls, prefix: str) -> str:
        Names(prefix)
        return prefix

    @field_validator("tiktok_site_verification", mode="after")
    @classmethod
    def _bare_tokens(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        """The token alone, the file's name or its content: whatever was copied from the portal."""
        tokens = tuple(text.removeprefix(PROOF).removeprefix("tiktok").removesuffix(".txt") for text in given)
        if bad := [token for token in tokens if not (token.isascii() and token.isalnum() and len(token) <= 128)]:
            raise ValueError(f"{len(bad)} of these are no signature file's name, content or token")
        return tokens

    @field_validator("egress_allow")
    @classmethod
    def _readable_networks(cls, text: str) -> str:
        try:
            parse_allow(text)
        except BadAllowList as error:
            raise ValueError(str(error)) from error
        return text

    @field_validator("public_url")
    @classmethod
    def _usable_public_url(cls, url: str) -> str:
        if url and (problem := redirect_problem(url.rstrip("/") + CALLBACK)) is not None:
            raise ValueError(problem)
        return url.rstrip("/")

    @field_validator("operator_key")
    @classmethod
    def _unguessable(cls, key: SecretStr | None) -> SecretStr | None:
        text = key.get_secret_value() if key else PREFIX + "x" * OPERATOR_KEY_MIN
        if not text.startswith(PREFIX) or len(text) < OPERATOR_KEY_MIN or not text.isascii():
            raise ValueError(f"an operator key begins with {PREFIX} and has at least {OPERATOR_KEY_MIN} characters")
        return key
