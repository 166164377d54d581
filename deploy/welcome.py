"""What `make run` says: on the terminal for people, in `.clipwire/local.json` for programs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from deploy.cluster import write_private

CARD = "local.json"


def remove_card(folder: Path) -> None:
    """What a killed run left would lead whoever waits for the card to ports that are closed."""
    (folder / CARD).unlink(missing_ok=True)


@contextmanager
def card_in(folder: Path, card: dict[str, Any]) -> Iterator[None]:
    """The card is there inside: entered when everything answers. Mode 0600: it holds the operator's key."""
    write_private(folder / CARD, json.dumps(card, indent=2) + "\n")
    try:
        yield
    finally:
        remove_card(folder)


def greet(card: dict[str, Any], *, origin: str, seconds: float, now: datetime) -> str:
    """The URLs, the key, and one curl that publishes. Typed again it shows the same post: its name is this start's."""
    broker = "RabbitMQ" if card["rabbitmq_url"] else "in-process broker (set RABBITMQ_URL for RabbitMQ)"
    request = {
        "account_id": card["account_id"],
        "kind": "video",
        "media": [f"{card['simulator']}/_sim/sample.mp4"],
        "title": "Hello from Clipwire",
        "privacy_level": "SELF_ONLY",
    }
    return f"""
  Clipwire is ready after {seconds:.1f} s, with {origin} and {broker}.

    api         {card["api"]}
    ingest      {card["ingest"]}/webhooks/tiktok
    simulator   {card["simulator"]}/_sim/     TikTok, and a customer, in a box
    customer    {card["customer_id"]}
    account     {card["account_id"]}
    key         {card["operator_key"]}

  Publish a video to the simulated TikTok:

    curl -X POST {card["api"]}/v1/posts \\
      -H 'Authorization: Bearer {card["operator_key"]}' \\
      -H 'Content-Type: application/json' -H 'Idempotency-Key: hello-{now:%Y%m%d-%H%M%S}' \\
      -d '{json.dumps(request)}'

  (typed again it shows how far that post is; under another Idempotency-Key it is another post)
  and see what the customer heard, signatures judged:

    curl {card["simulator"]}/_sim/customer/demo/inbox

  Ctrl-C stops everything; the data stays in .clipwire.
"""


def farewell(folder: Path) -> str:
    return f"\n  Stopping ... the data stays in {folder}; the log is {folder / 'run.log'}."
