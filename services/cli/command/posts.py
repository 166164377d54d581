"""Posts after they were made."""

from itertools import islice
from typing import Annotated, Any, Final, Literal

import typer

from libs.rest.client import NotPublished
from libs.rest.posts import PostDetail, TimelineEntry
from services.cli.bar import Bar
from services.cli.command.accounts import find
from services.cli.desk import PUBLISH, Customer, Desk, Limit, Timeout, command, page
from services.cli.ending import USAGE, Ended
from services.cli.say import Column, plain
from services.cli.typed import json_object, privacy_level
from services.cli.when import ago

PostId = Annotated[str, typer.Argument(metavar="POST_ID", help="post_…")]

COLUMNS: Final = (
    Column("post", lambda p: p.id),
    Column("state", lambda p: p.state),
    Column("made", lambda p: plain(p.created_at)[5:16]),
    Column("title", lambda p: p.request.get("title") or p.kind, gives=True),
)


def add(app: typer.Typer) -> None:
    group = typer.Typer(name="posts", help="Posts: list, watch, change, cancel.", no_args_is_help=True)
    command(group, "list")(listed)
    command(group)(show)
    command(group)(batch)
    command(group)(watch)
    command(group)(timeline)
    command(group)(cancel)
    command(group)(retry)
    command(group)(reschedule)
    command(group)(resolve)
    command(group)(edit)
    command(group)(send)
    app.add_typer(group, rich_help_panel=PUBLISH)


def listed(
    desk: Desk,
    state: Annotated[str | None, typer.Option(help="queued, published, failed, …")] = None,
    account: Annotated[
        str | None, typer.Option("--account", "-a", metavar="ACCOUNT", help="acc_… or @username.")
    ] = None,
    group: Annotated[str | None, typer.Option(metavar="GROUP_ID", help="Of the account that is in it.")] = None,
    batch: Annotated[str | None, typer.Option(metavar="BATCH_ID")] = None,
    kind: Annotated[str | None, typer.Option(metavar="video|photo")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Accepted from then on: 2h, 3d, or a time.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Accepted before then.")] = None,
    customer: Customer = None,
    limit: Limit = 20,
) -> None:
    """List posts, newest first.

    \b
    Examples:
      clipwire posts list --state failed
      clipwire posts list -a @anna -n 100 --json
    """
    account_id = find(desk, account, customer).id if account else None
    found = desk.client.posts.list(
        state=state, account_id=account_id, group_id=group, batch_id=batch, kind=kind,
        since=since and ago(since), until=until and ago(until),
        customer_id=customer, limit=page(limit),
    )  # fmt: skip
    desk.say.rows(islice(found, limit), COLUMNS, empty="No posts.")


def show(desk: Desk, post: PostId) -> None:
    """Show one post, and every init that was made for it at TikTok."""
    _tell(desk, desk.client.posts.get(post))


def batch(desk: Desk, batch: Annotated[str, typer.Argument(metavar="BATCH_ID", help="bat_…")]) -> None:
    """Show how far the posts of one request for several accounts are."""
    desk.say.thing(desk.client.batches.get(batch))


def watch(desk: Desk, post: PostId, timeout: Timeout = 900.0) -> None:
    """Follow a post until it is published, failed or cancelled. With --json, one line whenever it moved."""
    with Bar(desk.say) as bar:

        def moved(now: PostDetail) -> None:
            bar.post(now)
            if desk.say.as_json:
                desk.say.line(now)

        try:
            done = desk.client.posts.wait_until_published(post, timeout, on_change=moved)
        except NotPublished as over:
            done = over.post
    if not desk.say.as_json:
        _tell(desk, done)
    if str(done.state) in ("failed", "cancelled"):
        raise NotPublished(done)


def timeline(desk: Desk, post: PostId) -> None:
    """Show what happened to a post: steps, calls with TikTok's codes, waits with their reasons."""
    columns = (
        Column("at", lambda e: plain(e.at)[11:19]),
        Column("what", lambda e: e.kind),
        Column("detail", _detail, gives=True, wraps=True),
    )
    desk.say.rows(desk.client.posts.timeline(post, limit=500), columns)


def cancel(desk: Desk, post: PostId) -> None:
    """Cancel a post while it has not gone out. It may be on its way: then its driver is asked to stop."""
    _tell(desk, desk.client.posts.cancel(post))


def retry(desk: Desk, post: PostId) -> None:
    """Give a failed post another life, if it is proven that nothing of it was posted."""
    _tell(desk, desk.client.posts.retry(post))


def reschedule(
    desk: Desk,
    post: PostId,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="As in 2027-05-01T10:00Z; `now` for now.")] = None,
    before: Annotated[str | None, typer.Option(metavar="TIME", help="Rather fail than go out later; `never`.")] = None,
    timezone: Annotated[str | None, typer.Option(metavar="ZONE", help="Of times without an offset.")] = None,
) -> None:
    """Give a post another time."""
    wish: dict[str, Any] = {"publish_at": at, "publish_before": before, "timezone": timezone}
    given = {name: None if value in ("now", "never") else value for name, value in wish.items() if value is not None}
    _tell(desk, desk.client.posts.reschedule(post, **given))


def resolve(
    desk: Desk,
    post: PostId,
    outcome: Annotated[str, typer.Argument(metavar="published|not_published", help="What you found at TikTok.")],
    tiktok_id: Annotated[str | None, typer.Option("--tiktok-id", help="Its public id, if it is known.")] = None,
) -> None:
    """Decide on an unconfirmed post, after looking at TikTok."""
    if outcome not in ("published", "not_published"):
        raise typer.BadParameter("published or not_published", param_hint="OUTCOME")
    said: Literal["published", "not_published"] = "published" if outcome == "published" else "not_published"
    wish = {"post_id": tiktok_id} if tiktok_id else {}
    _tell(desk, desk.client.posts.resolve(post, outcome=said, **wish))


def edit(
    desk: Desk,
    post: PostId,
    title: Annotated[str | None, typer.Option("--title", "-t", help="Caption of a video, title of photos.")] = None,
    description: Annotated[str | None, typer.Option(help="Text below photos.")] = None,
    privacy: Annotated[str | None, typer.Option("--privacy", "-p", help="public, friends, followers or self.")] = None,
    media: Annotated[list[str] | None, typer.Option(metavar="MEDIA", help="med_… or URL; repeat it.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="As in 2027-05-01T10:00Z; `now` for now.")] = None,
    fields: Annotated[str, typer.Option("--set", metavar="JSON", help="Any other fields, as the API has them.")] = "{}",
) -> None:
    """Change a draft: what is given replaces what it has.

    \b
    Examples:
      clipwire posts edit post_… -t "A better title" -p public
      clipwire posts edit post_… --set '{"is_aigc": true}'
    """
    when = {"publish_at": None if at == "now" else at} if at is not None else {}
    wish: dict[str, Any] = {"title": title, "description": description, "privacy_level": privacy_level(privacy),
                            "media": media or None}  # fmt: skip
    given = {name: value for name, value in wish.items() if value is not None} | when | json_object(fields, "--set")
    if not given:
        raise Ended("Nothing was to be changed.", code=USAGE, remedy="Give --title, --privacy, --media, --at or --set.")
    _tell(desk, desk.client.posts.edit(post, **given))


def send(desk: Desk, post: PostId) -> None:
    """Send a draft."""
    _tell(desk, desk.client.posts.send(post))


def _tell(desk: Desk, post: PostDetail) -> None:
    problem = post.problem or {}
    pairs: list[tuple[str, Any]] = [
        ("post", post.id), ("state", post.state), ("why", problem.get("detail")), ("to do", problem.get("remedy")),
        ("account", post.account_id), ("kind", f"{post.kind}, {post.mode}"), ("title", post.request.get("title")),
        ("privacy", post.request.get("privacy_level")), ("TikTok's id", post.tiktok_post_ids),
        ("publish at", post.publish_at), ("publish before", post.publish_before), ("media", post.media_id),
        ("batch", post.batch_id), ("made", post.created_at), ("over", post.finished_at),
        ("cancel asked", post.cancel_requested_at), ("next turn", post.next_slot_at),
        ("waits", post.waiting and post.waiting.detail), ("until", post.waiting and post.waiting.until),
    ]  # fmt: skip
    for one in post.publications:
        sent = f"{one.sent_bytes} of {one.size} bytes" if one.size else ""
        pairs.append((f"init {one.n}", " · ".join(filter(None, (str(one.state), one.publish_id, sent)))))
    desk.say.thing(post, pairs)


def _detail(entry: TimelineEntry) -> str:
    return " ".join(f"{name}={plain(value)}" for name, value in entry.detail.items() if value not in (None, ""))
