"""A publication: one init at TikTok, made for a post. A post sent again gets a new one."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PublicationState(StrEnum):
    """How far one init has come. What matters is whether it may still publish."""

    INTENDED = "intended"
    """Saved before the init call. Without a reply nobody knows its upload URL, so an upload can never publish; a pull
    may, once its media were fetched (`libs.model.pull`)."""
    OPEN = "open"
    """TikTok gave a publish id and an upload URL; bytes may be on their way, never the last ones."""
    COMMITTING = "committing"
    """Saved before the last chunk: from here on it may have published at any moment."""
    COMMITTED = "committed"
    """TikTok has every byte."""
    ABANDONED = "abandoned"
    """Fenced: it can never publish, or TikTok said it failed. News of it does not fail the post."""


LIVE = frozenset(
    {PublicationState.INTENDED, PublicationState.OPEN, PublicationState.COMMITTING, PublicationState.COMMITTED}
)

NEVER_WHOLE = frozenset({PublicationState.INTENDED, PublicationState.OPEN})
"""Live, and its last bytes cannot have gone out: that takes a save which nobody has made. Abandoning it is safe."""


@dataclass(frozen=True, slots=True)
class Publication:
    """One row of `publications`; `upload_url` is a secret and stays out of every log and answer."""

    post_id: str
    n: int
    state: PublicationState
    intent_at: datetime
    publish_id: str | None = None
    upload_url: str | None = None
    url_expires_at: datetime | None = None
    size: int = 0
    chunk_size: int = 0
    chunk_count: int = 0
    sent_bytes: int = 0
    committing_at: datetime | None = None
    last_status: str | None = None
    pull: bool = False
    """TikTok fetches the media from URLs of this publication's own: it commits at its init."""
    cancel_asked_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Publication({self.post_id}, n={self.n}, {self.state}, publish_id={self.publish_id}, sent={self.sent_bytes}/{self.size})"  # noqa: E501

    @property
    def live(self) -> bool:
        return self.state in LIVE

    @property
    def never_whole(self) -> bool:
        """Live, and proven by its state alone that it cannot have published."""
        return self.state in NEVER_WHOLE and not self.pull
