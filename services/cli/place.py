"""Which Clipwire a command speaks to, and with which key.

`CLIPWIRE_URL` and `CLIPWIRE_KEY` win, then what `clipwire login` kept, then the `.clipwire/local.json` of a `make run`
in this folder or one above it. A key is only ever sent to the address it came with.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import typer

LOCAL: Final = Path(".clipwire") / "local.json"


class Unplaced(Exception):
    """There is nothing to speak to, or no key for it; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """An API, the key for it, and what is known besides. `customer_id`: for whom an operator's key makes things."""

    url: str
    key: str = field(repr=False)
    customer_id: str | None = None
    simulator: str | None = None
    origin: str = ""


def find_place(url: str | None, environ: Mapping[str, str], *, folder: Path | None = None) -> Place:
    """`url` is what the command line names. Raises `Unplaced`."""
    known = list(_known(environ, folder or Path.cwd()))
    wanted = url or environ.get("CLIPWIRE_URL") or None
    key = environ.get("CLIPWIRE_KEY") or None
    if wanted is not None:
        same = next((place for place in known if place.url.rstrip("/") == wanted.rstrip("/")), None)
        if key is None and same is None:
            raise Unplaced(f"There is no key for {wanted}: set CLIPWIRE_KEY, or run `clipwire login --url {wanted}`.")
        if key is None and same is not None:
            return same
        about = same or Place(wanted, "")
        return Place(wanted, key or "", about.customer_id, about.simulator, "CLIPWIRE_KEY")
    if not known:
        raise Unplaced("Nobody is logged in and nothing runs here: `clipwire login`, or `clipwire up` to try it out.")
    first = known[0]
    return first if key is None else Place(first.url, key, first.customer_id, first.simulator, "CLIPWIRE_KEY")


def config_path(environ: Mapping[str, str]) -> Path:
    """Where `login` keeps what it was told."""
    named = environ.get("CLIPWIRE_CONFIG")
    return Path(named) if named else Path(typer.get_app_dir("clipwire")) / "login.json"


def keep(place: Place, path: Path) -> None:
    """Writes it for this user alone, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = {name: value for name, value in asdict(place).items() if name != "origin" and value is not None}
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(kept, file, indent=2)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _known(environ: Mapping[str, str], folder: Path) -> Iterator[Place]:
    path = config_path(environ)
    if (kept := _read(path)) is not None:
        yield Place(_text(kept, "url", path), _text(kept, "key", path), kept.get("customer_id"), kept.get("simulator"),
                    str(path))  # fmt: skip
    if (found := find_card(folder)) is not None:
        path, card = found
        yield Place(_text(card, "api", path), _text(card, "operator_key", path), card.get("customer_id"),
                    card.get("simulator"), str(path))  # fmt: skip


def find_card(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """What `make run` wrote about itself, in this folder or the nearest above, and where. Raises `Unplaced`."""
    for above in (folder, *folder.parents):
        if (card := _read(above / LOCAL)) is not None:
            return above / LOCAL, card
    return None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Unplaced(f"{path} cannot be read ({type(error).__name__}): mend or remove it.") from None
    if not isinstance(found, dict):
        raise Unplaced(f"{path} is not what Clipwire wrote: remove it.")
    return found


def _text(found: Mapping[str, Any], name: str, path: Path) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value:
        raise Unplaced(f"{path} does not say {name}: remove it, or log in again.")
    return value
