"""The guard, and the one guarded HTTP client for every URL a customer names.

Lives here: which addresses and URLs may be dialled (`Guard`), resolving under that rule, and `GuardedClient`, the only
dialler of deliveries, test events, alert callbacks and media fetches.
May import `aiohttp` (its only owner as a client), `yarl`, `multidict` and the standard library, nothing of ours.
Never does: follow a redirect, use a proxy or a cookie, decompress, trust an unverified certificate, remember a DNS
answer, retry a failed delivery (one reset of a stale connection excepted), or raise for what the other side did.
"""

from libs.egress.address import IPAddress, IPNetwork, check_address, parse_allow, usable_allow
from libs.egress.client import LARGEST_SENT_BODY, GuardedClient
from libs.egress.delivery import KEPT_BODY_BYTES
from libs.egress.dial import Pool
from libs.egress.errors import (
    BadAllowList,
    DownloadBroken,
    EgressError,
    Reason,
    Refusal,
    Refused,
    Unresolved,
)
from libs.egress.fetch import Download, Redirected
from libs.egress.guard import Guard, Target
from libs.egress.headers import check_custom_header
from libs.egress.ours import USER_AGENT, own_ports
from libs.egress.outcome import Answered, Failed, FailureKind, Outcome, Timings
from libs.egress.resolver import Lookup, SystemLookup

__all__ = [
    "KEPT_BODY_BYTES",
    "LARGEST_SENT_BODY",
    "USER_AGENT",
    "Answered",
    "BadAllowList",
    "Download",
    "DownloadBroken",
    "EgressError",
    "Failed",
    "FailureKind",
    "Guard",
    "GuardedClient",
    "IPAddress",
    "IPNetwork",
    "Lookup",
    "Outcome",
    "Pool",
    "Reason",
    "Redirected",
    "Refusal",
    "Refused",
    "SystemLookup",
    "Target",
    "Timings",
    "Unresolved",
    "check_address",
    "check_custom_header",
    "own_ports",
    "parse_allow",
    "usable_allow",
]
