"""A running deployment, looked at from outside: `make smoke` takes the `make run` of this folder, or SMOKE_CARD's.

The card is what `make run` writes: URLs, a key, an account. One video is published, and only to a simulated TikTok.
"""

import json
import os
import secrets
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.eventually import eventually
from tests.smoke.place import Nowhere, find

CARD = os.environ.get("SMOKE_CARD", "")
pytestmark = pytest.mark.skipif(not CARD, reason="this looks at a running deployment: `make run`, then `make smoke`")


@pytest.fixture(scope="module")
def card() -> dict[str, Any]:
    try:
        return find(CARD)
    except Nowhere as error:
        pytest.exit(str(error), returncode=1)


def ask(card: dict[str, Any], method: str, url: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {card['operator_key']}", "Content-Type": "application/json"}
    headers |= {"Idempotency-Key": f"smoke-{secrets.token_hex(8)}"} if body else {}
    request = Request(url, method=method, data=json.dumps(body).encode() if body else None, headers=headers)
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.parametrize("program", ["api", "ingest"])
def test_a_program_is_ready(card: dict[str, Any], program: str) -> None:
    status, page = ask(card, "GET", f"{card[program]}/readyz")

    assert (status, page["wrong"]) == (200, {})


def test_a_stranger_is_not_let_in(card: dict[str, Any]) -> None:
    status, problem = ask(card | {"operator_key": "cw_nobody"}, "GET", f"{card['api']}/v1/posts")

    assert (status, problem["status"]) == (401, 401)


async def test_a_video_goes_out_and_the_customer_hears_of_it(card: dict[str, Any]) -> None:
    if not card.get("simulator"):
        pytest.skip("the deployment speaks to the real TikTok: nothing is published there for a test")
    request = {
        "account_id": card["account_id"],
        "kind": "video",
        "media": [f"{card['simulator']}/_sim/sample.mp4"],
        "privacy_level": "SELF_ONLY",
    }

    status, post = ask(card, "POST", f"{card['api']}/v1/posts", request)

    assert status == 201
    place = f"{card['api']}/v1/posts/{post['id']}"
    await eventually(lambda: ask(card, "GET", place)[1]["state"] == "published", timeout=45)

    def heard() -> bool:
        items = ask(card, "GET", f"{card['simulator']}/_sim/customer/demo/inbox?type=post.published")[1]["items"]
        mine = [item for item in items if item["json"]["data"]["post_id"] == post["id"]]
        return bool(mine) and mine[0]["signature"] == "valid"

    await eventually(heard, timeout=20)
