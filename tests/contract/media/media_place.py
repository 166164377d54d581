"""A store under test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from libs.media.storage import MediaStorage


@dataclass(frozen=True)
class Place:
    """A store under test, and a look behind it: what it really holds, and what it holds back."""

    storage: MediaStorage
    media_url: str
    keys: Callable[[], set[str]]
    leftovers: Callable[[], list[str]]
    take_away: Callable[[], object]
