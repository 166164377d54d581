"""The client customers use: `from libs.rest.client import Clipwire, AsyncClipwire, WebhookVerifier`.

What lives here
    ``client``      `Clipwire` and `AsyncClipwire`: url and key in, resources out
    ``resources``   every operation, said once; ``posts`` those of posts, and waiting for one
    ``operation``   how an operation becomes a method that returns here and is awaited there
    ``call``        one call from its first try to its answer, without I/O; ``retry`` when there is another
    ``blocking``, ``concurrent``   the two that do the I/O, over httpx; ``wire`` what both know of it
    ``webhook``     the verifier for receivers
    ``errors``      every way a call ends that is not its answer

May import ``libs.model``, ``libs.signing`` and the shapes of ``libs.rest``. Decides nothing that the server decides:
arguments are checked by name here and by value there.
"""

from libs.rest.client.client import AsyncClipwire, Clipwire
from libs.rest.client.errors import (
    BadId,
    ClipwireError,
    FileChanged,
    NotPublished,
    Refused,
    TimedOut,
    Unreachable,
    Unreadable,
)
from libs.rest.client.retry import NEVER, Retries
from libs.rest.client.webhook import Webhook, WebhookVerifier
from libs.signing import SignatureError

__all__ = [
    "NEVER",
    "AsyncClipwire",
    "BadId",
    "Clipwire",
    "ClipwireError",
    "FileChanged",
    "NotPublished",
    "Refused",
    "Retries",
    "SignatureError",
    "TimedOut",
    "Unreachable",
    "Unreadable",
    "Webhook",
    "WebhookVerifier",
]
