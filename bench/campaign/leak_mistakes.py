"""Requests, jobs and webhooks of the campaign `leaks` that are refused, with secrets where nobody expects them."""

import base64
import secrets
from typing import Any

import orjson

from bench.campaign.leak_broker import ANSWERS
from bench.campaign.leak_witness import Shelf, Witness
from libs.broker.message import Message
from libs.broker.topology import CLIPWIRE, POST_REQUESTED


async def jobs(w: Witness, shelf: Shelf, customer: str, account: str) -> None:
    """From RabbitMQ: a good one, and bad ones with secrets in them."""
    url = shelf.signed(w, "film.mp4")
    good = {"customer_id": customer, "account_id": account, "kind": "video", "media": [url],
            "privacy_level": "SELF_ONLY", "title": f"job {secrets.token_hex(3)}"}  # fmt: skip
    token = next(one.value for one in w.secrets if one.kind == "access token")
    bad: list[Any] = [good | {"media": ["ftp" + url[4:]]}, good | {"access_token": token}, good | {token: 1},
                      good | {"account_id": token}, good | {"idempotency_key": 7, "title": [url]}, [url]]  # fmt: skip
    bodies = [orjson.dumps(job) for job in (good, *bad)] + [f'{{"media":["{url}"], "t":"{token}'.encode()]
    for body in bodies:
        id_ = secrets.token_hex(8)
        message = Message(body=body, routing_key=POST_REQUESTED, message_id=id_, correlation_id=id_, reply_to=ANSWERS)
        w.jobs.add(body)
        await w.house.broker.publish(message, exchange=CLIPWIRE, timeout=5)


async def mistakes(w: Witness, shelf: Shelf, key: str, customer: str, account: str, endpoint: str) -> None:
    """Requests that are refused, with secrets where nobody expects them."""
    basic = base64.b64encode(f"user:{key}".encode()).decode()
    spellings = f"Basic {basic}", f"Bearer {key}.", f"Token {key}", key, f"Bearer {key} {key}", f"Bearer\t{key[:-2]}"
    for given in spellings:
        await w.ask("GET", "/v1/posts", key="", headers={"Authorization": given})
    post: dict[str, Any] = {"account_id": account, "media": [shelf.signed(w, "film.mp4")], "kind": "video",
                            "privacy_level": "SELF_ONLY", "draft": True}  # fmt: skip
    for header in ("X-Api-Key", "X-Request-Id", "Cookie", "traceparent", "If-Match", "Content-Type"):
        await w.ask("POST", "/v1/customers", {"name": ""}, headers={header: key})
    await w.ask("POST", "/v1/posts", post, key=key, headers={"Idempotency-Key": key})
    for path in (
        f"/v1/posts?api_key={key}",
        f"/v1/posts/{key}",
        f"/v1/{key}/posts",
        f"/{key}",
        f"/v1/events?type={key}",
    ):
        await w.ask("GET", path, key=key)
    for path in (
        f"/readyz?token={key}", f"/metrics?{key}=1", f"/oauth/tiktok/callback?state={key}&code={key}",
        f"/pull/{key}/0", f"/v1/endpoints/{key}/keys",
    ):  # fmt: skip
        await w.ask("GET", path, key="")
    for body in ({key: 1}, {"name": {"x": key}}, {"name": [key]}, {"name": key * 20}, key, [key]):
        await w.ask("POST", "/v1/customers", body)
    broken, json = f'{{"name": "{key}'.encode(), {"Content-Type": "application/json"}
    await w.ask("POST", "/v1/customers", data=broken, headers=json)
    await w.ask("POST", f"/v1/media?customer_id={customer}", data=b"not a film " + key.encode(), key=key)
    await w.ask("PATCH", f"/v1/endpoints/{endpoint}", {"secret": key, "url": f"https://u:{key}@x.example/"}, key=key)
    await w.ask("POST", "/v1/posts", post | {"kind": key, "privacy_level": key, "timezone": key}, key=key)
    for sent in (
        f"GET /v1/posts HTTP/1.1\r\nAuthorization: Bearer {key}\x00\r\n\r\n", f"GET /v1/{key} HTTP/9\r\n\r\n",
        f"{key}\r\n\r\n", f"GET / HTTP/1.1\r\nA {key}: b\r\n\r\n",
        f"POST /v1/posts HTTP/1.1\r\nAuthorization: Bearer {key}\r\nContent-Length: {key}\r\n\r\n",
    ):  # fmt: skip
        for program in ("api", "ingest"):
            await w.raw(program, sent.encode())


async def webhooks(w: Witness) -> None:
    """To ingest: unsigned, wrongly signed, and with our own secret in the wrong place."""
    secret = w.house.environ["TIKTOK_CLIENT_SECRET"]
    for signature in ("", f"t=1,s={secret}", secret, f"t={secret},s=0"):
        headers = {"TikTok-Signature": signature} if signature else {}
        body = f'{{"client_key":"{secret}","event":"x"}}'.encode()
        await w.ask("POST", f"/webhooks/tiktok?s={secret}", key="", headers=headers, data=body, program="ingest")
