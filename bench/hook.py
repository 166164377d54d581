"""TikTok's webhooks as the bytes of whole HTTP requests, made before the clock runs."""

from dataclasses import dataclass

import orjson

from libs.tiktok.events import Event
from libs.tiktok.signature import sign

CLIENT_KEY = "awbench00001"
CLIENT_SECRET = "bench_client_secret"


@dataclass(frozen=True, slots=True)
class Series:
    """`count` different webhooks from number `first` on: each tells that one direct post is published."""

    name: str
    first: int
    count: int
    accounts: int = 1

    def publish_id(self, n: int) -> str:
        return f"v_pub_file~v2-1.{self.name}{n:09d}"

    def open_id(self, n: int) -> str:
        return f"-000bench{n % self.accounts:06d}"


def requests(series: Series, *, host: str, path: str, t: int) -> list[bytes]:
    """Signed at the Unix second `t`."""
    return [
        _request(series.publish_id(n), series.open_id(n), host=host, path=path, t=t)
        for n in range(series.first, series.first + series.count)
    ]


def _request(publish_id: str, open_id: str, *, host: str, path: str, t: int) -> bytes:
    content = {"publish_id": publish_id, "publish_type": "DIRECT_PUBLISH"}
    body = orjson.dumps(
        {
            "client_key": CLIENT_KEY,
            "event": Event.POST_COMPLETE.value,
            "create_time": t,
            "user_openid": open_id,
            "content": orjson.dumps(content).decode(),
        }
    )
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: tiktok-webhook\r\nAccept: */*\r\n"
        f"Content-Type: application/json\r\nTiktok-Signature: {sign(body, secret=CLIENT_SECRET, t=t)}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
