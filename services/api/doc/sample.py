"""Who and what the examples are about: one customer's small world. The times are those of `libs.model.sample`."""

from datetime import UTC, datetime
from typing import Final

WHEN: Final = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
AHEAD: Final = datetime(2035, 5, 1, 18, tzinfo=UTC)
"""The same as a value."""
SOON: Final = "2035-05-01T18:00:00Z"
"""A time ahead, for as long as anybody reads this."""

CUSTOMER: Final = "cus_01jd49zz00a1b2c3d4e5f6g7h8"
ACCOUNT: Final = "acc_01jd4a0000b2c3d4e5f6g7h8j9"
BOOTS: Final = "acc_01jd4a0300c2d3e4f5g6h7j8k9"
"""Another account."""
GROUP: Final = "grp_01jd4a0500d4e5f6g7h8j9k0m1"
APP: Final = "app_01jd4a0600e5f6g7h8j9k0m1n2"
MEDIA: Final = "med_01jd4a0700f6g7h8j9k0m1n2p3"
COMING: Final = "med_01jd4a0800g7h8j9k0m1n2p3q4"
"""A file on its way."""
POST: Final = "post_01jd4a2n00f8k3m5p7r9t1v3x5"
PHOTOS: Final = "post_01jd4a2p10r5s6t7v8w9x0y1z2"
"""Another post, of photos."""
BATCH: Final = "bat_01jd4a2p00g7h8j9k0m1n2p3q4"
EVENT: Final = "evt_01jd4a2n00h8j9k0m1n2p3q4r5"
ENDPOINT: Final = "end_01jd4a1000c3d4e5f6g7h8j9k0"
DELIVERY: Final = "dlv_01jd4a2q00j9k0m1n2p3q4r5s6"
ATTEMPT: Final = "att_01jd4a2r00k0m1n2p3q4r5s6t7"
CONSUMER: Final = "con_01jd4a1200m1n2p3q4r5s6t7v8"
REPLAY: Final = "rpl_01jd4a9000n2p3q4r5s6t7v8w9"
KEY: Final = "key_01jd49zz50p3q4r5s6t7v8w9x0"
OPERATOR: Final = "key_01jd49zy00n2p3p4q5r6s7t8v9"
"""Another key, the operator's."""
AUDIT: Final = "aud_01jd4a2n00q4r5s6t7v8w9x0y1"

IDS: Final = {
    "customers": CUSTOMER, "accounts": ACCOUNT, "groups": GROUP, "apps": APP, "media": MEDIA, "posts": POST,
    "batches": BATCH, "events": EVENT, "endpoints": ENDPOINT, "deliveries": DELIVERY, "attempts": ATTEMPT,
    "replays": REPLAY, "keys": KEY, "audit": AUDIT,
}  # fmt: skip
"""Which `{id}` an example's path has, by the path's first part after `/v1`."""
