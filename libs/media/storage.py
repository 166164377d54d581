"""Opening the media store that ``MEDIA_URL`` names."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from libs.media.bucket import BucketStorage
from libs.media.errors import InvalidStorageUrl
from libs.media.folder import KEEP_FREE_BYTES, FolderStorage
from libs.media.port import PIECE_BYTES, MediaStorage, Stored

__all__ = ["PIECE_BYTES", "MediaStorage", "Stored", "open_storage", "usable_media_url"]


def open_storage(media_url: str, *, scratch: Path | None = None) -> MediaStorage:
    """The store behind ``file:///folder[?keep_free_bytes=…]`` or ``s3://bucket[/prefix][?endpoint=…&region=…]``.

    The folder is made if absent. S3 credentials come from the environment (``AWS_ACCESS_KEY_ID`` …), never from the
    URL; plain http is used only when the endpoint says so. ``scratch`` is where S3 objects are copied for probing
    (default: the temporary folder). Raises ``InvalidStorageUrl``, and ``StorageFailed`` for a folder it may not use.
    """
    match _read(media_url):
        case _Folder(root, keep_free):
            return FolderStorage(root, keep_free_bytes=keep_free)
        case _Bucket(name, prefix, endpoint, region):
            return BucketStorage(name, prefix=prefix, endpoint=endpoint, region=region, scratch=scratch)


def usable_media_url(media_url: str) -> str:
    """For settings: raises ``InvalidStorageUrl``, a ValueError, for what ``open_storage`` could never open."""
    _read(media_url)
    return media_url


class _Folder(NamedTuple):
    root: Path
    keep_free_bytes: int


class _Bucket(NamedTuple):
    name: str
    prefix: str
    endpoint: str | None
    region: str | None


def _read(media_url: str) -> _Folder | _Bucket:
    url = urlsplit(media_url)
    match url.scheme:
        case "file":
            return _folder(url)
        case "s3":
            return _bucket(url)
        case _:
            raise InvalidStorageUrl("MEDIA_URL must begin with file:/// or s3://")


def _folder(url: SplitResult) -> _Folder:
    options = _options(url, known={"keep_free_bytes"})
    root = unquote(url.path)
    if url.netloc not in ("", "localhost") or not root.startswith("/") or not root.strip("/"):
        raise InvalidStorageUrl("MEDIA_URL file:///… needs the absolute path of a folder and no host")
    keep_free = options.get("keep_free_bytes", str(KEEP_FREE_BYTES))
    if not (keep_free.isascii() and keep_free.isdigit()):
        raise InvalidStorageUrl("MEDIA_URL keep_free_bytes must be a whole number of bytes")
    return _Folder(Path(root), int(keep_free))


def _bucket(url: SplitResult) -> _Bucket:
    options = _options(url, known={"endpoint", "region"})
    if not url.netloc or "@" in url.netloc or ":" in url.netloc:
        raise InvalidStorageUrl("MEDIA_URL s3://bucket/prefix: name a bucket; credentials belong in AWS_* variables")
    endpoint = options.get("endpoint")
    if endpoint is not None and urlsplit(endpoint).scheme not in ("http", "https"):
        raise InvalidStorageUrl("MEDIA_URL endpoint must be an http or https URL")
    region = options.get("region") or ("us-east-1" if endpoint else None)
    return _Bucket(url.netloc, unquote(url.path).strip("/"), endpoint, region)


def _options(url: SplitResult, *, known: set[str]) -> dict[str, str]:
    try:
        options = parse_qs(url.query, strict_parsing=bool(url.query), keep_blank_values=True)
    except ValueError as exc:
        raise InvalidStorageUrl("MEDIA_URL has options that cannot be read") from exc
    if url.fragment or options.keys() - known:
        raise InvalidStorageUrl(f"MEDIA_URL takes no other options than {', '.join(sorted(known))}")
    return {name: values[-1] for name, values in options.items()}
