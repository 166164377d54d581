"""Whether an answer is what its example says: the same but for what is everybody's own (ids, times, measures)."""

import re
from typing import Any

OWN = re.compile(
    r"(?P<id>[a-z]+_[0-9a-hjkmnp-tv-z]{26})|(?P<time>\d{4}-\d\d-\d\dT.*Z)|(?P<secret>(cw_|whsec_|whpk_).+)"
    r"|(?P<url>https?://.+)|(?P<hash>[0-9a-f]{64})|(?P<video>\d{19})|(?P<state>[0-9a-f]{32})|(?P<open_id>[-_]000[\w-]+)|(?P<request>req_[0-9a-f]{24})|(?P<cursor>\d+\.(evt_\w+)?)"
)
MEASURED = {
    "ms", "dns_ms", "connect_ms", "tls_ms", "first_byte_ms", "reused", "headers", "size", "probe", "create_time",
    "union_id", "publish_id", "view_count", "like_count", "comment_count", "share_count", "expected", "received",
    "sent_bytes", "chunk_size", "media_bytes", "idempotency_key", "embed_html", "video_description",
}  # fmt: skip
"""Fields whose values are the reader's own, whatever they are."""


class Bindings(dict[str, str]):
    """What stands in the examples → what it is here."""

    def put(self, value: Any) -> Any:
        """The value with what is known put in."""
        if isinstance(value, str):
            for sample in sorted(self, key=len, reverse=True):
                value = value.replace(sample, self[sample])
            return value
        if isinstance(value, dict):
            return {name: self.put(inner) for name, inner in value.items()}
        return [self.put(inner) for inner in value] if isinstance(value, list) else value

    def learn(self, sample: Any, real: Any) -> None:
        """From here on, the sample's ids, secrets and cursors are these. Of lists nothing is learned: what is first in
        one may be anything."""
        if isinstance(sample, str) and isinstance(real, str):
            kind = _kind(sample)
            if kind in ("id", "secret", "cursor") and kind == _kind(real):
                self[sample] = real
        elif isinstance(sample, dict) and isinstance(real, dict):
            for name in sample.keys() & real.keys():
                self.learn(sample[name], real[name])


def differences(sample: Any, real: Any, place: str = "") -> list[str]:
    """Where they differ, one line each. A list of the sample's may be longer here, in any order."""
    name = place.rpartition(".")[2]
    if name in MEASURED:
        return []
    match sample, real:
        case dict(), dict():
            lines = [f"{place}.{key} is only in the example" for key in sample.keys() - real.keys()]
            lines += [f"{place}.{key} is not in the example" for key in real.keys() - sample.keys()]
            for key in sorted(sample.keys() & real.keys()):
                lines += differences(sample[key], real[key], f"{place}.{key}")
            return lines
        case list(), list():
            if name != "data" and len(sample) != len(real):
                return [f"{place}: {sample!r} is {real!r}"]
            lines = []
            for one in sample:
                tries = [differences(one, other, f"{place}[]") for other in real]
                lines += min(tries, key=len, default=[f"{place} is empty"])
            return lines
        case str(), str() if sample != real and _kind(sample) is not None and _kind(sample) == _kind(real):
            return []
        case _:
            same = sample == real and isinstance(sample, bool) == isinstance(real, bool)
            return [] if same else [f"{place}: {sample!r} is {real!r}"]


def _kind(text: str) -> str | None:
    found = OWN.fullmatch(text)
    return found.lastgroup if found else None
