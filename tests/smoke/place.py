"""The deployment that smoke tests look at."""

import json
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen


class Nowhere(Exception):
    """There is none; the message says what to do."""


def find(card: str) -> dict[str, Any]:
    """What the card says, once its api answers. Raises `Nowhere`."""
    remedy = "Start one with `make run` in another terminal, or name another's card: SMOKE_CARD=path make smoke"
    try:
        found: dict[str, Any] = json.loads(Path(card).read_text())
        with urlopen(f"{found['api']}/healthz", timeout=10):
            return found
    except FileNotFoundError:
        raise Nowhere(f"No deployment runs here: there is no {card}. {remedy}") from None
    except (URLError, OSError) as error:
        raise Nowhere(f"What {card} names does not answer ({error}). {remedy}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Nowhere(f"{card} is no card of `make run` ({error!r}). {remedy}") from error
