"""What the tests of dialects are about."""

from datetime import UTC, datetime

from libs.store.media import Media

NOW = datetime(2027, 3, 10, 12, tzinfo=UTC)
ACCOUNT = "acc_01jd4a0000b2c3d4e5f6g7h8j9"


def film() -> Media:
    return Media("med_1", "cus_1", "k", 3, b"", "video/mp4", {}, NOW)
