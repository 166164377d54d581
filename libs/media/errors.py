"""Every error this room raises. What a *file* is guilty of is a value (``finding.Unreadable``), not an error.

MediaError
├── StorageError
│   ├── InvalidStorageUrl    MEDIA_URL cannot be understood
│   ├── InvalidKey           a key that could leave the store, or that no store would keep
│   ├── InvalidRange         a byte range outside the object
│   ├── ObjectMissing        nothing is stored under the key
│   ├── ObjectTooLarge       more bytes came than were allowed; nothing was kept
│   ├── StorageFull          no room left; nothing was kept
│   └── StorageFailed        the store broke or answered nonsense; trying again may help
└── WorkerError
    ├── WorkersBusy          no worker became free in time; the file was not looked at
    └── WorkerLost           a worker could not be started or was killed by somebody else; says nothing of the file
"""

from typing import ClassVar


class MediaError(Exception):
    """Something went wrong in the media room."""

    word: ClassVar[str] = "media_trouble"
    """Its code in timelines and events. Stable."""


class StorageError(MediaError):
    """The media store refused or failed."""


class InvalidStorageUrl(StorageError, ValueError):
    """MEDIA_URL is not file:///folder or s3://bucket/prefix?endpoint=…&region=…"""

    word = "storage_url_invalid"


class InvalidKey(StorageError, ValueError):
    """The key is not a relative path of plain names."""

    word = "storage_key_invalid"

    def __init__(self, key: str) -> None:
        super().__init__(f"not a storage key: {key[:80]!r}")
        self.key = key


class InvalidRange(StorageError, ValueError):
    """The byte range does not lie inside the object."""

    word = "storage_range_invalid"

    def __init__(self, *, first: int, last: int, size: int) -> None:
        super().__init__(f"bytes {first}-{last} are not inside an object of {size} bytes")
        self.first, self.last, self.size = first, last, size


class ObjectMissing(StorageError):
    """Nothing is stored under the key."""

    word = "media_missing"

    def __init__(self, key: str) -> None:
        super().__init__(f"nothing is stored under {key!r}")
        self.key = key


class ObjectTooLarge(StorageError):
    """More bytes came than the caller allows; nothing was kept."""

    word = "media_too_large"

    def __init__(self, *, limit_bytes: int) -> None:
        super().__init__(f"more than the {limit_bytes} bytes allowed")
        self.limit_bytes = limit_bytes


class StorageFull(StorageError):
    """The store has no room for this object; nothing was kept.

    ``free_bytes`` is what could still be used, ``needed_bytes`` what was asked for; None where unknown.
    """

    word = "storage_full"

    def __init__(self, *, free_bytes: int | None, needed_bytes: int | None) -> None:
        super().__init__(f"no room left: {free_bytes} bytes usable, {needed_bytes} needed")
        self.free_bytes, self.needed_bytes = free_bytes, needed_bytes


class StorageFailed(StorageError):
    """The store broke or answered nonsense; trying again may help."""

    word = "storage_failed"


class WorkerError(MediaError):
    """The work was not done, and that is not the file's fault."""


class WorkersBusy(WorkerError):
    """No worker became free in time."""

    word = "workers_busy"

    def __init__(self, *, waited_s: float) -> None:
        super().__init__(f"no media worker became free within {waited_s:g} s")
        self.waited_s = waited_s


class WorkerLost(WorkerError):
    """A worker could not be started, or was killed by somebody else."""

    word = "worker_lost"
