"""TikTok's webhooks at will, from the simulator."""

import json
import os
from typing import Annotated, Any, Final

import typer

from libs.tiktok.events import Event
from services.cli.command.accounts import find
from services.cli.desk import HEAR, Desk, command
from services.cli.dial import Address, dial
from services.cli.ending import UNREACHABLE, Ended
from services.cli.typed import json_object

DEFAULT: Final = "http://127.0.0.1:8090"


def add(app: typer.Typer) -> None:
    command(app, rich_help_panel=HEAR)(trigger)


def trigger(
    desk: Desk,
    event: Annotated[str | None, typer.Argument(metavar="EVENT", help="TikTok's name for it; else a list.")] = None,
    post: Annotated[str | None, typer.Option(metavar="POST_ID", help="About this post.")] = None,
    account: Annotated[str | None, typer.Option("--account", "-a", metavar="ACCOUNT", help="About this one.")] = None,
    content: Annotated[str, typer.Option(metavar="JSON", help="Fields of `content`, on top.")] = "{}",
    raw: Annotated[str | None, typer.Option(metavar="TEXT", help="These very bytes, signed.")] = None,
    simulator: Annotated[str | None, typer.Option(metavar="URL", help="Else CLIPWIRE_SIMULATOR, or one here.")] = None,
) -> None:
    """Make the simulator send any of TikTok's webhooks, signed as TikTok does.

    Only the simulator can: there is no way to make TikTok say something.

    \b
    Examples:
      clipwire trigger
      clipwire trigger post.publish.complete --post post_…
      clipwire trigger authorization.removed -a @anna --content '{"reason": "1"}'
    """
    if event is None:
        desk.say.thing({"data": [str(one) for one in Event]}, [("", str(one)) for one in Event])
        return
    told: dict[str, Any] = {"event": event, "content": json_object(content, "--content")}
    if raw is not None:
        told["raw"] = raw
    if post is not None:
        found = desk.client.posts.get(post)
        account = account or found.account_id
        ids = [one.publish_id for one in found.publications if one.publish_id]
        if not ids:
            raise Ended(f"TikTok does not know {post} yet.", remedy="Wait until it was sent: `clipwire posts watch`.")
        told["content"] = {"publish_id": ids[-1], "publish_type": "DIRECT_PUBLISH"} | told["content"]
    if account is not None:
        told["user_openid"] = find(desk, account).open_id
    sent = _send(_where(desk, simulator), told)
    pairs = {name: sent.get(name) for name in ("seq", "event", "state") if name in sent}
    desk.say.thing(sent, list(pairs.items()))


def _where(desk: Desk, named: str | None) -> Address:
    url = named or os.environ.get("CLIPWIRE_SIMULATOR") or desk.place.simulator or DEFAULT
    return Address.of(f"{url.rstrip('/')}/_sim/webhooks")


def _send(to: Address, told: dict[str, Any]) -> dict[str, Any]:
    said = dial("POST", to, body=json.dumps(told).encode(), headers={"Content-Type": "application/json"})
    words = said.body.decode(errors="replace")
    if said.status is None:
        raise Ended(f"There is no simulator at {to.host}: {words}.", code=UNREACHABLE, remedy="`clipwire simulate`.")
    try:
        answer = json.loads(words)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or not 200 <= said.status < 300:
        raise Ended(f"The simulator answered {said.status}: {words[:500]}")
    return answer
