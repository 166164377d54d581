"""One command from files to published."""

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from libs.model.post import PostState
from libs.rest.accounts import AccountAnswer
from libs.rest.client import NotPublished
from libs.rest.posts import PostDetail
from services.cli.bar import Bar
from services.cli.command.accounts import find
from services.cli.desk import PUBLISH, Customer, Desk, Timeout, command, flag
from services.cli.ending import USAGE, Ended
from services.cli.say import Column
from services.cli.typed import privacy_level

PHOTOS: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif"})
RESTS: Final = frozenset({PostState.DRAFT, PostState.SCHEDULED})
PANEL: Final = "What TikTok shows"
WHEN: Final = "When and how"
VERDICTS: Final = (
    Column("account", lambda v: v.account_id),
    Column("would go out", lambda v: v.problem is None),
    Column("why not", lambda v: (v.problem or {}).get("detail"), gives=True, wraps=True),
)


def add(app: typer.Typer) -> None:
    command(app, rich_help_panel=PUBLISH)(post)


def post(
    desk: Desk,
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE…", help="One video or up to 35 photos: files, https URLs, med_… ids."),
    ],
    account: Annotated[
        list[str] | None,
        typer.Option("--account", "-a", metavar="ACCOUNT", help="acc_… or @username; repeat it."),
    ] = None,
    title: Annotated[str, typer.Option("--title", "-t", help="Caption of a video, title of photos.")] = "",
    privacy: Annotated[
        str | None, typer.Option("--privacy", "-p", help="public, friends, followers or self. Never assumed.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="video|photo", help="Where names do not tell.", rich_help_panel=PANEL)
    ] = None,
    description: Annotated[str, typer.Option(help="Text below photos.", rich_help_panel=PANEL)] = "",
    comments: Annotated[bool, flag("--comments", help="Allow them.", panel=PANEL)] = False,
    duet: Annotated[bool, flag("--duet", help="Allow it.", panel=PANEL)] = False,
    stitch: Annotated[bool, flag("--stitch", help="Allow it.", panel=PANEL)] = False,
    cover: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="An image as a video's first moment.", rich_help_panel=PANEL),
    ] = None,
    cover_at: Annotated[
        int | None,
        typer.Option(metavar="MS", min=0, help="Or so far into the video, in ms.", rich_help_panel=PANEL),
    ] = None,
    first: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="The photo shown first, from 0.", rich_help_panel=PANEL)
    ] = None,
    music: Annotated[bool, flag("--music", help="TikTok adds some to photos.", panel=PANEL)] = False,
    ai: Annotated[bool, flag("--ai", help="Label it as made by AI.", panel=PANEL)] = False,
    branded: Annotated[bool, flag("--branded", help="Paid partnership.", panel=PANEL)] = False,
    own_brand: Annotated[bool, flag("--own-brand", help="Promotes one's own.", panel=PANEL)] = False,
    inbox: Annotated[bool, flag("--inbox", help="To the creator's drafts, to finish in the app.", panel=WHEN)] = False,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Publish then, as in 2027-05-01T10:00Z.", rich_help_panel=WHEN)
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="TIME", help="Rather fail than go out later.", rich_help_panel=WHEN)
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Of times without an offset: Europe/Paris.", rich_help_panel=WHEN)
    ] = None,
    draft: Annotated[bool, flag("--draft", help="Keep it here, do not send.", panel=WHEN)] = False,
    pull: Annotated[bool, flag("--pull", help="TikTok fetches it from us.", panel=WHEN)] = False,
    convert: Annotated[bool, flag("--convert/--no-convert", help="Mend what breaks a rule.", panel=WHEN)] = True,
    metadata: Annotated[
        list[str] | None,
        typer.Option("--meta", metavar="NAME=VALUE", help="Kept with it.", rich_help_panel=WHEN),
    ] = None,
    consent_by: Annotated[
        str | None,
        typer.Option(metavar="WHO", help="Who saw a preview and agreed, now.", rich_help_panel=WHEN),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", help="Idempotency key: the same again is the same.", rich_help_panel=WHEN),
    ] = None,
    customer: Customer = None,
    check: Annotated[bool, flag("--check", help="Ask whether it would be accepted; post nothing.")] = False,
    wait: Annotated[bool, flag("--wait/--no-wait", help="Wait until it is published.")] = True,
    timeout: Timeout = 900.0,
) -> None:
    """Upload files and post them, with one bar from upload to published.

    The account may be left out when there is one only. With --key the same command again finds the same post.

    \b
    Examples:
      clipwire post clip.mp4 -a @anna -t "Hello #clipwire" -p self
      clipwire post 1.jpg 2.jpg 3.jpg -a @anna -t "Our day" -p public --comments
      clipwire post clip.mp4 -a @anna -p self --at 2027-05-01T10:00Z
      clipwire post https://cdn.example.com/clip.mp4 -a @anna --inbox --json
    """
    if privacy is None and not inbox:
        detail = "A direct post needs --privacy: public, friends, followers or self. It is never assumed."
        raise Ended(detail, code=USAGE, remedy="Add what its creator chose, or --inbox to let them choose in the app.")
    accounts = _accounts(desk, account or [], customer)
    sources = [*files, *([cover] if cover else [])]
    local = [source for source in sources if not _is_elsewhere(source)]
    if missing := [source for source in local if not Path(source).is_file()]:
        raise Ended(f"There is no file {missing[0]}.", code=USAGE)
    wish: dict[str, Any] = {
        "kind": kind or ("photo" if all(_is_photo(desk, source) for source in files) else "video"),
        "title": title,
        "description": description,
        "disable_comment": not comments,
        "disable_duet": not duet,
        "disable_stitch": not stitch,
        "is_aigc": ai,
        "brand_content_toggle": branded,
        "brand_organic_toggle": own_brand,
        "mode": "inbox" if inbox else "direct",
        "draft": draft,
        "convert": "auto" if convert else "never",
        "metadata": dict(_pair(one) for one in metadata or []),
    }
    optional = {"publish_at": at, "publish_before": before, "timezone": timezone, "idempotency_key": key,
                "transfer": "pull" if pull else None, "privacy_level": privacy_level(privacy),
                "video_cover_timestamp_ms": cover_at, "photo_cover_index": first,
                "auto_add_music": True if music else None, "consent": _consent(consent_by)}  # fmt: skip
    wish |= {name: value for name, value in optional.items() if value is not None}
    with Bar(desk.say, uploads=len(local)) as bar:
        ids = [_media(desk, source, accounts[0].customer_id, bar) for source in sources]
        wish["media"] = ids[: len(files)]
        wish |= {"cover": ids[-1]} if cover else {}
        if check:
            bar.part(1, 1, "asking")
            verdict = desk.client.posts.validate(account_ids=[one.id for one in accounts], **wish)
        else:
            done = _post(desk, accounts, wish, bar, wait=wait, timeout=timeout)
    if check:
        desk.say.rows(verdict.accounts, VERDICTS)
        for warned in verdict.warnings:
            desk.say.note(f"{warned.detail} Found {warned.found}: {warned.remedy}.")
        if not verdict.valid:
            raise Ended("It would not go out now.")
        return
    _tell(desk, done)
    if over := [one for one in done if one.state in (PostState.FAILED, PostState.CANCELLED)]:
        raise NotPublished(over[0])


def _post(
    desk: Desk, accounts: list[AccountAnswer], wish: dict[str, Any], bar: Bar, *, wait: bool, timeout: float
) -> list[PostDetail]:
    """The posts as they are in the end: every one is waited for, whatever becomes of the others."""
    posts = desk.client.posts
    if len(accounts) == 1:
        made = [posts.create(account_id=accounts[0].id, **wish).id]
    else:
        made = [post.id for post in posts.create_batch(account_ids=[one.id for one in accounts], **wish).posts]
    desk.say.note(f"accepted as {', '.join(made)}")  # from here on it goes on, whatever becomes of this command
    done: list[PostDetail] = []
    for n, post_id in enumerate(made):
        found = posts.get(post_id)
        if len(made) == 1:
            bar.post(found)
        else:
            bar.part(n, len(made), f"{n} of {len(made)} published")
        if wait and found.state not in RESTS:
            found = _awaited(desk, post_id, bar if len(made) == 1 else None, timeout)
        done.append(found)
    if len(made) > 1:
        bar.part(1, 1, "done")
    return done


def _awaited(desk: Desk, post_id: str, bar: Bar | None, timeout: float) -> PostDetail:
    try:
        return desk.client.posts.wait_until_published(post_id, timeout, on_change=bar.post if bar else None)
    except NotPublished as over:
        return over.post


def _tell(desk: Desk, done: list[PostDetail]) -> None:
    if len(done) == 1:
        post = done[0]
        desk.say.thing(post, [("post", post.id), ("state", post.state), ("TikTok's id", post.tiktok_post_ids),
                              ("publish at", post.publish_at)])  # fmt: skip
        return
    desk.say.rows(done, (Column("post", lambda p: p.id), Column("account", lambda p: p.account_id),
                         Column("state", lambda p: p.state)))  # fmt: skip


def _accounts(desk: Desk, named: list[str], customer: str | None) -> list[AccountAnswer]:
    if named:
        return [find(desk, one, customer) for one in dict.fromkeys(named)]
    every = list(islice(desk.client.accounts.list(customer_id=desk.owner(customer), limit=200), 200))
    usable = [account for account in every if str(account.state) == "connected"]
    if len(usable) != 1:
        remedy = f"Name one with --account: {_names(usable)}."
        if not usable:
            remedy = "`clipwire accounts connect` connects one."
            if lost := [account for account in every if account.reconnect]:
                remedy = f"`clipwire accounts reconnect` makes a link for {_names(lost)}."
        raise Ended(f"There are {len(usable)} connected accounts.", code=USAGE, remedy=remedy)
    return usable


def _names(accounts: list[AccountAnswer]) -> str:
    return ", ".join(f"@{one.username}" if one.username else one.id for one in accounts[:10])


def _media(desk: Desk, source: str, owner: str, bar: Bar) -> str:
    if _is_elsewhere(source):
        return source
    path = Path(source)
    return desk.client.media.upload(path, customer_id=owner, progress=bar.upload(path.name)).id


def _is_elsewhere(source: str) -> bool:
    return source.startswith(("http://", "https://", "med_"))


def _is_photo(desk: Desk, source: str) -> bool:
    """By what it is where that is known, else by its name."""
    if source.startswith("med_"):
        return (desk.client.media.get(source).content_type or "").startswith("image/")
    return Path(source.partition("?")[0]).suffix.lower() in PHOTOS


def _consent(who: str | None) -> dict[str, Any] | None:
    if who is None:
        return None
    return {"preview_confirmed": True, "express_consent": True, "by": who, "at": datetime.now(UTC).isoformat()}


def _pair(said: str) -> tuple[str, Any]:
    name, equals, value = said.partition("=")
    if not name or not equals:
        raise typer.BadParameter("written as NAME=VALUE", param_hint="--meta")
    return name, value
