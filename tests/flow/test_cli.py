"""The `clipwire` command against a whole house: what it does, says, and how it ends."""

import asyncio
import json
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from command_line import CommandLine, quiet_logs
from flow_house import Guest, Stage
from test_client import serving
from test_connect import consents

from libs.rest.client import WebhookVerifier
from tests.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "services.cli"]


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Any:
    with quiet_logs():
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clip(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that TikTok takes."""
    file = tmp_path_factory.mktemp("clips") / "clip.mp4"
    file.write_bytes((await stage.http.get(f"{stage.urls['simulator']}/_sim/sample.mp4")).content)
    return file


@pytest_asyncio.fixture(loop_scope="module")
async def cli(stage: Stage, guest: Guest, tmp_path: Path) -> CommandLine:
    """With a key of the guest's own that may do everything."""
    every = ("accounts", "profile", "videos", "posts", "media", "endpoints", "events", "keys", "audit", "customers")
    wish = {"customer_id": guest.customer_id, "name": "cli", "grants": dict.fromkeys(every, "full")}
    made = await stage.api("POST", "keys", wish)
    return CommandLine(stage.urls["api"], made["secret"], tmp_path / "login.json", secrets={guest.secret})


async def test_a_file_goes_from_upload_to_published(cli: CommandLine, guest: Guest, clip: Path) -> None:
    said = await cli("post", str(clip), "-a", guest.open_id, "-t", "From a terminal", "-p", "self", "--json")
    plain = await cli("post", str(clip), "-t", "Once more", "-p", "self", "--meta", "order=17")

    assert (said.json["state"], said.err) == ("published", "")
    assert "published" in plain.out
    assert plain.err.splitlines()[0] == "uploading clip.mp4"
    assert plain.err.splitlines()[-1] == "published"
    listed = (await cli("posts", "list", "--json")).json["data"]
    shown = {post["request"]["title"]: post for post in listed}
    assert sorted(shown) == ["From a terminal", "Once more"]
    assert shown["Once more"]["request"]["metadata"] == {"order": "17"}
    assert (await cli("posts", "watch", shown["Once more"]["id"])).code == 0


async def test_one_command_posts_for_several_accounts(cli: CommandLine, guest: Guest, stage: Stage) -> None:
    other = await stage.connect(guest.customer_id, username=f"other{next(stage.count)}")
    film = f"{stage.urls['simulator']}/_sim/sample.mp4"

    said = await cli("post", film, "-a", guest.account_id, "-a", other["id"], "-p", "self", "--json")
    unsaid = await cli("post", film, "-p", "self", code=2)

    assert [(one["account_id"], one["state"]) for one in said.json["data"]] == [
        (guest.account_id, "published"),
        (other["id"], "published"),
    ]
    assert "2 connected accounts" in unsaid.err and guest.account_id in unsaid.err


async def test_a_post_that_fails_ends_with_its_reason(cli: CommandLine, stage: Stage) -> None:
    said = await cli("post", f"{stage.urls['simulator']}/_sim/none.mp4", "-p", "self", "--json", code=1)
    post_id = said.json["id"]

    shown = await cli("posts", "show", post_id)
    watched = await cli("posts", "watch", post_id, "--json", code=1)
    timeline = await cli("posts", "timeline", post_id)

    assert said.json["state"] == "failed"
    assert json.loads(said.err)["code"] == "not_published"
    assert "failed" in shown.out and said.json["problem"]["detail"] in shown.out
    assert json.loads(watched.out.splitlines()[-1])["state"] == "failed"
    assert "accepted" in timeline.out


async def test_a_scheduled_post_is_moved_waited_for_in_vain_and_cancelled(
    cli: CommandLine, stage: Stage, clip: Path
) -> None:
    later = (stage.now + timedelta(hours=2)).isoformat()
    made = (await cli("post", str(clip), "-p", "self", "--at", later, "--json")).json

    await cli("posts", "reschedule", made["id"], "--at", (stage.now + timedelta(hours=3)).isoformat())
    late = await cli("posts", "watch", made["id"], "--timeout", "1", code=4)
    cancelled = await cli("posts", "cancel", made["id"], "--json")
    again = await cli("posts", "cancel", made["id"], code=1)

    assert made["state"] == "scheduled"
    assert made["id"] in late.err
    assert cancelled.json["state"] == "cancelled" and "not_cancellable" in again.err


async def test_what_would_be_refused_is_said_without_posting(cli: CommandLine, clip: Path) -> None:
    checked = await cli("post", str(clip), "-p", "self", "--check", "--json")
    refused = await cli("post", str(clip), "-p", "self", "-t", "x" * 2201, code=1)
    unsaid = await cli("post", str(clip), code=2)
    missing = await cli("post", "none.mp4", "-p", "self", code=2)
    nobody = await cli("post", str(clip), "-p", "self", "-a", "@nobody", code=1)

    assert [one["problem"] for one in checked.json["data"]] == [None]
    assert "title" in refused.err and "2200" in refused.err and "→" in refused.err
    assert "--privacy" in unsaid.err and "none.mp4" in missing.err and "@nobody" in nobody.err
    assert (await cli("posts", "list", "--json")).json == {"data": []}


async def test_every_command_that_looks_speaks_json_to_programs_and_columns_to_pipes(
    cli: CommandLine, guest: Guest
) -> None:
    await guest.published()
    for args in (
        ("accounts", "list"), ("accounts", "show", guest.account_id), ("accounts", "health", guest.account_id),
        ("accounts", "creator", guest.account_id), ("accounts", "profile", guest.account_id),
        ("accounts", "videos", guest.account_id), ("customers", "show", guest.customer_id),
        ("posts", "list", "--state", "published"), ("media", "list"), ("endpoints", "list"),
        ("endpoints", "show", guest.endpoint_id), ("endpoints", "public-keys", guest.endpoint_id),
        ("deliveries", "list"), ("deliveries", "attempts", "--succeeded"), ("replays", "list"), ("keys", "list"),
        ("customers", "list"), ("audit",), ("capabilities",), ("capabilities", "--unsupported"), ("whoami",),
    ):  # fmt: skip
        said = await cli(*args, "--json")
        assert isinstance(said.json, dict) and said.err == "", args
        people = await cli(*args)
        assert people.err == "", args
    assert guest.account_id in (await cli("accounts", "list")).out.split("\t")


async def test_what_was_uploaded_is_posted_by_its_id_as_what_it_is(
    cli: CommandLine, stage: Stage, clip: Path, tmp_path: Path
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes((await stage.http.get(f"{stage.urls['simulator']}/_sim/sample-1.jpg")).content)

    sent = (await cli("media", "upload", str(photo), str(clip), "--json")).json["data"]
    fetched = await cli("media", "upload", f"{stage.urls['simulator']}/_sim/sample.mp4", "--json")
    draft = await cli("post", sent[0]["id"], "-p", "self", "--draft", "--json")
    other = await cli("post", sent[1]["id"], "-p", "self", "--draft", "--json")

    assert [one["content_type"] for one in sent] == ["image/jpeg", "video/mp4"]
    assert fetched.json["data"][0]["id"].startswith("med_")
    assert (draft.json["kind"], other.json["kind"], draft.json["state"]) == ("photo", "video", "draft")
    assert "image/jpeg" in (await cli("media", "show", sent[0]["id"])).out
    await cli("media", "upload", "none.mp4", code=2)
    (words := tmp_path / "words.mp4").write_text("no film")
    halfway = await cli("media", "upload", str(photo), str(words), code=1)
    assert halfway.out.startswith("med_") and "✗" in halfway.err, "the first is there: its id is shown"


async def test_a_group_holds_an_account(cli: CommandLine, guest: Guest) -> None:
    group = (await cli("groups", "create", "Brand", "--json")).json["id"]

    placed = await cli("groups", "place", group, guest.account_id, "--json")
    await cli("groups", "rename", group, "Other")

    assert placed.json["group_id"] == group
    assert (await cli("groups", "list")).out.split("\n")[0] == f"{group}\tOther\t{guest.account_id}"
    assert (await cli("groups", "place", "none", guest.account_id, "--json")).json["group_id"] is None
    assert (await cli("groups", "delete", group, "--json")).json["id"] == group


async def test_an_endpoint_is_made_tried_turned_off_and_its_secret_shown_once(cli: CommandLine) -> None:
    made = await cli("endpoints", "create", "http://127.0.0.1:9/x", "-e", "post.*", "-e", "webhook.test", "--json")
    endpoint, secret = made.json["id"], made.json["secret"]
    cli.secrets.add(secret)

    await cli("endpoints", "change", endpoint, "--description", "mine", "--rate", "5")
    tested = await cli("endpoints", "test", endpoint, "--json")
    disabled = await cli("endpoints", "disable", endpoint, "--json")
    await cli("endpoints", "enable", endpoint)
    rotated = await cli("endpoints", "rotate", endpoint, "--overlap", "2", "--json")
    shown = await cli("endpoints", "show", endpoint)

    assert secret.startswith("whsec_") and rotated.json["secret"] not in ("", secret)
    assert (disabled.json["state"], disabled.json["rate_per_s"]) == ("disabled", 5)
    assert rotated.json["secret"] not in shown.out and "mine" in shown.out
    found = await eventually(lambda: _deliveries(cli, tested.json["event_id"], endpoint))
    delivery = await cli("deliveries", "redeliver", found[0]["id"], "--json")
    assert delivery.json["event_id"] == tested.json["event_id"]
    assert endpoint in (await cli("deliveries", "show", found[0]["id"])).out


async def _deliveries(cli: CommandLine, event_id: str, endpoint_id: str) -> list[dict[str, Any]]:
    said = await cli("deliveries", "list", "--event", event_id, "--endpoint", endpoint_id, "--json")
    found: list[dict[str, Any]] = said.json["data"]
    return found


async def test_events_are_shown_and_handed_on_signed(cli: CommandLine, guest: Guest, stage: Stage) -> None:
    arrived: list[tuple[dict[str, str], bytes]] = []

    async def take(request: Any) -> Any:
        arrived.append((dict(request.headers), await request.read()))
        return web.Response(status=202)

    async with serving(take) as url:
        listening = asyncio.create_task(
            cli("listen", "-e", "webhook.test", "-f", url, "--max", "2", "--from-beginning")
        )
        events = {await guest.test_event() for _ in range(2)}
        said = await asyncio.wait_for(listening, 30)

    secret = said.err.split("Signing with ")[1].split()[0]
    verifier = WebhookVerifier(secret)
    assert {verifier.verify(body, headers).id for headers, body in arrived} == events
    lines = [line.split("\t") for line in said.out.splitlines()]
    assert {line[1] for line in lines} == events
    assert {line[-1] for line in lines} == {"202"}
    assert (await stage.api("GET", f"consumers?customer_id={guest.customer_id}"))["data"] == []


async def test_a_named_consumer_goes_on_where_it_was(cli: CommandLine, guest: Guest) -> None:
    first, second = [await guest.test_event() for _ in range(2)]
    listen = ("listen", "--consumer", "mine", "--from-beginning", "-e", "webhook.*", "--max", "1", "--json")

    said = [json.loads((await cli(*listen)).out)["id"] for _ in range(2)]

    assert said == [first, second]
    assert "mine" in (await cli("consumers", "list")).out
    await cli("consumers", "seek", "mine", "beginning")
    assert json.loads((await cli(*listen)).out)["id"] == first
    place = (await cli("consumers", "show", "mine", "--json")).json["cursor"]
    assert (await cli("consumers", "seek", "mine", place, "--json")).json["cursor"] == place
    assert (await cli("consumers", "remove", "mine", "--json")).json == {"removed": True}


async def test_the_simulator_says_what_it_is_told_to(cli: CommandLine, guest: Guest, stage: Stage) -> None:
    sim = {"CLIPWIRE_SIMULATOR": stage.urls["simulator"]}
    post = await guest.published()

    names = (await cli("trigger", "--json")).json["data"]
    sent = await cli("trigger", "authorization.removed", "-a", guest.open_id, "--content", '{"reason": "1"}',
                     "--json", **sim)  # fmt: skip
    about = await cli("trigger", "post.publish.complete", "--post", post["id"], "--json", **sim)
    nobody = await cli("trigger", names[0], code=3, CLIPWIRE_SIMULATOR="http://127.0.0.1:9")
    wrong = await cli("trigger", names[0], "--content", "[]", code=2, **sim)

    assert len(names) > 8 and sent.json["seq"] and about.json["seq"]
    assert "no simulator" in nobody.err and "--content" in wrong.err

    async def gone() -> bool:
        return (await guest.account())["state"] != "connected"

    assert await eventually(gone)


async def test_deliveries_are_counted_then_sent_again(cli: CommandLine, guest: Guest, stage: Stage) -> None:
    await guest.tried(await guest.test_event(), 1)
    await stage.advance(1)

    counted = await cli("replay", "--since", "2099-01-01T00:00Z", "--dry-run", code=1)
    some = await cli("replay", "--since", "2020-01-01T00:00Z", "--delivered", "--dry-run", "--json")
    watching = asyncio.create_task(cli("replay", "--since", "2020-01-01T00:00Z", "--delivered", "--wait", "--json"))

    async def on_their_way() -> bool:
        return bool((await stage.row("select count(*) as n from replays where replayed = total and total > 0"))["n"])

    await eventually(on_their_way)
    await stage.advance(60)
    made = await watching
    over = await cli("replays", "cancel", made.json["id"], "--json")

    assert "since" in counted.err
    assert over.json == made.json
    assert some.json["total"] > 0
    assert made.json["state"] == "done"
    assert made.json["id"] in (await cli("replays", "list")).out
    assert (await cli("replays", "show", made.json["id"], "--json")).json["replayed"] == some.json["total"]


async def test_a_spreadsheet_is_checked_then_posted_once(
    cli: CommandLine, guest: Guest, stage: Stage, tmp_path: Path
) -> None:
    sheet, film = tmp_path / "posts.csv", f"{stage.urls['simulator']}/_sim/sample.mp4"
    good = f"{guest.account_id},video,{film},SELF_ONLY,Row one"
    sheet.write_text(f"account_id,kind,media,privacy_level,title\n{good}\n{guest.account_id},video,,NOBODY,Row two\n")

    checked = await cli("import", str(sheet), "--dry-run", code=1)
    made = await cli("import", str(sheet), "--json", code=1)
    again = await cli("import", str(sheet), "--json", code=1)

    assert "privacy_level" in checked.out and "1 valid, 1 refused" in checked.err
    assert [(one.json["made"], one.json["exists"], one.json["refused"]) for one in (made, again)] == [
        (1, 0, 1),
        (0, 1, 1),
    ]


async def test_a_key_is_shown_where_it_is_made_and_nowhere_else(cli: CommandLine) -> None:
    made = await cli("keys", "create", "robot", "-g", "posts=full", "--expires", "90d", "--rate", "60", "--json")
    cli.secrets.add(made.json["secret"])

    shown = await cli("keys", "show", made.json["id"])
    narrowed = await cli("keys", "change", made.json["id"], "-g", "posts=read", "--name", "reader", "--json")
    nothing = await cli("keys", "change", made.json["id"], code=2)
    rotated = await cli("keys", "rotate", made.json["id"], "--grace", "5", "--json")
    revoked = await cli("keys", "revoke", made.json["id"], "--json")
    told = await cli("audit", "--action", "keys.create", "--json")
    about = (await cli("audit", "--about", made.json["id"], "--since", "2020-01-01T00:00:00Z", "--json")).json["data"]
    before = (await cli("audit", "--about", made.json["id"], "--until", "2020-01-01T00:00:00Z", "--json")).json["data"]
    wide = await cli("keys", "create", "wide", "-g", "apps=full", code=1)

    assert "posts=full" in shown.out
    assert (narrowed.json["grants"], narrowed.json["name"]) == ({"posts": "read"}, "reader")
    assert "--grant" in nothing.err
    assert rotated.json["secret"].startswith("cw_") and revoked.json["revoked_at"]
    assert any(made.json["id"] in one["sentence"] for one in told.json["data"])
    assert [one["action"] for one in about] == ["keys.revoke", "keys.rotate", "keys.change", "keys.create"]
    assert before == []
    assert "grants.apps" in wide.err


async def test_login_keeps_a_key_that_works_for_oneself_alone(cli: CommandLine) -> None:
    bare = {"CLIPWIRE_URL": None, "CLIPWIRE_KEY": None}
    await cli("accounts", "list", code=2, **bare)

    await cli("login", "--url", cli.url, "--key-stdin", code=1, typed="cw_wrong\n", **bare)
    assert not cli.config.exists()
    await cli("login", "--url", cli.url, "--key-stdin", typed=f"{cli.key}\n", **bare)

    assert cli.config.stat().st_mode & 0o777 == 0o600
    assert (await cli("accounts", "list", **bare)).code == 0
    assert cli.key[:6] in (await cli("whoami", **bare)).out
    elsewhere = await cli("accounts", "list", "--url", "http://127.0.0.1:9", code=2, **bare)
    assert "no key for http://127.0.0.1:9" in elsewhere.err
    await cli("logout", **bare)
    await cli("accounts", "list", code=2, **bare)


async def test_errors_have_their_codes_and_words(cli: CommandLine) -> None:
    missing = await cli("posts", "show", "post_x", code=1)
    as_json = await cli("posts", "show", "post_x", "--json", code=1)
    away = await cli("posts", "list", "--url", "http://127.0.0.1:9", code=3, CLIPWIRE_URL="http://127.0.0.1:9")
    usage = await cli("posts", "list", "--limit", "0", code=2)
    path = await cli("posts", "show", "..", code=2)

    assert "not_found" in missing.err and "→" in missing.err and missing.out == ""
    assert json.loads(as_json.err)["code"] == "not_found" and as_json.out == ""
    assert "127.0.0.1" in away.err and "doctor" in away.err
    assert "--limit" in usage.err and path.err


def _environ(cli: CommandLine) -> dict[str, str]:
    return os.environ | {"CLIPWIRE_URL": cli.url, "CLIPWIRE_KEY": cli.key, "CLIPWIRE_CONFIG": str(cli.config)}


async def test_an_account_is_connected_while_the_command_waits(cli: CommandLine, stage: Stage) -> None:
    name = f"walkin{next(stage.count)}"
    await stage.sim("POST", "accounts", {"username": name})
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "accounts", "connect", "--no-browser", "--json", cwd=ROOT, env=_environ(cli),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None and process.stdout is not None
    link = (await asyncio.wait_for(process.stderr.readline(), 30)).decode().strip()

    back = await consents(stage, link, name)
    await stage.http.get(back)
    out = await asyncio.wait_for(process.stdout.read(), 30)
    await asyncio.wait_for(process.communicate(), 30)

    assert (process.returncode, json.loads(out)["state"]) == (0, "connected")


def _hears_interrupts() -> None:
    """A run that was itself begun in the background hands down that SIGINT is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def test_an_interrupted_listener_leaves_nothing_behind(cli: CommandLine, stage: Stage, guest: Guest) -> None:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "listen",
        cwd=ROOT,
        env=_environ(cli),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=_hears_interrupts,
    )
    assert process.stderr is not None
    listening = await asyncio.wait_for(process.stderr.readline(), 30)

    process.send_signal(signal.SIGINT)
    _, err = await asyncio.wait_for(process.communicate(), 30)

    assert (process.returncode, listening[:9], b"Traceback" in err) == (130, b"Listening", False)
    assert (await stage.api("GET", f"consumers?customer_id={guest.customer_id}"))["data"] == []


async def test_what_runs_here_becomes_that_program(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "restore-hold",
        cwd=tmp_path,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await asyncio.wait_for(process.communicate(), 30)

    assert (process.returncode, err[:6], b"DATABASE_URL" in err) == (2, b"hold: ", True)


async def test_an_account_that_needs_its_creator_is_pointed_out_and_gets_a_link(
    cli: CommandLine, stage: Stage, guest: Guest
) -> None:
    await stage.sim("POST", f"accounts/{guest.open_id}/expire?refresh=1")
    await stage.until((await guest.post())["id"], "failed")

    listed = await cli("accounts", "list")
    chosen = (await cli("accounts", "list", "--state", "reauthorization_required", "--json")).json["data"]
    others = (await cli("accounts", "list", "--state", "connected", "--json")).json["data"]
    link = (await cli("accounts", "reconnect", guest.account_id)).out.strip()
    made = (await cli("accounts", "reconnect", guest.account_id, "--days", "2", "--json")).json
    page = await stage.http.get(await consents(stage, (await stage.http.get(link)).headers["Location"], guest.name))

    assert "To be connected again" in listed.err and "`clipwire accounts reconnect ACCOUNT`" in listed.err
    assert ([one["id"] for one in chosen], others) == ([guest.account_id], [])
    assert {"auth_url", "link", "link_expires_at"} <= made.keys() and made["link"] != link
    assert (page.status_code, "connected again" in page.text) == (200, True)
    assert "To be connected again" not in (await cli("accounts", "list")).err


async def test_what_is_deleted_is_asked_about_and_gone(cli: CommandLine, clip: Path) -> None:
    endpoint = (await cli("endpoints", "create", "http://127.0.0.1:9/gone", "--json")).json
    cli.secrets.add(endpoint["secret"])
    media = (await cli("media", "upload", str(clip), "--json")).json["data"][0]["id"]
    later = ("-p", "self", "--at", "2030-01-01T00:00:00Z", "--json")
    post = (await cli("post", media, *later)).json["id"]

    kept = await cli("endpoints", "delete", endpoint["id"], typed="n\n", code=1)
    gone = await cli("endpoints", "delete", endpoint["id"], typed="y\n")
    needed = await cli("media", "delete", media, "--yes", code=1)
    await cli("posts", "cancel", post)
    left = (await cli("media", "delete", media, "--json")).json["data"]

    assert "Delete http://127.0.0.1:9/gone?" in kept.err and "deleted" in gone.out
    assert (await cli("endpoints", "show", endpoint["id"], code=1)).err
    assert post in needed.err
    assert [(one["id"], one["state"]) for one in left] == [(media, "expired")]


async def test_an_endpoint_is_told_how_to_be_spoken_to(cli: CommandLine, guest: Guest) -> None:
    where = ("endpoints", "create", "http://127.0.0.1:9/manners")
    made = (await cli(*where, "--retry", "0,5,60", "--answer-within", "3", "--at-once", "2", "--json")).json
    cli.secrets.add(made["secret"])

    changed = await cli("endpoints", "change", made["id"], "--account", guest.account_id, "--disable-after", "2",
                        "--header", "X-Shop: one", "--json")  # fmt: skip
    wrong = await cli("endpoints", "change", made["id"], "--retry", "soon", code=2)

    assert (made["schedule_s"], made["timeout_s"], made["concurrency"]) == ([0, 5, 60], 3.0, 2)
    said = changed.json
    assert (said["accounts"], said["header_names"]) == ([guest.account_id], ["X-Shop"])
    assert (said["disable_after_days"], said["schedule_s"]) == (2.0, [0, 5, 60])
    assert "--retry" in wrong.err


async def test_an_operator_gives_a_customer_an_app_and_a_quota(stage: Stage, tmp_path: Path) -> None:
    operator, secrets = stage.keepsake.operator_key, {"planted-1", "planted-2"}
    cli = CommandLine(stage.urls["api"], operator, tmp_path / "login.json", secrets=secrets)
    owner = str((await stage.api("POST", "customers", {"name": f"c{next(stage.count)}"}))["id"])
    key = f"aw{owner}"

    create = ("apps", "create", key, "--customer", owner, "--secrets-stdin", "--json")
    made = (await cli(*create, typed="planted-1\n")).json
    changed = await cli("apps", "change", made["id"], "--new-secret", "--audited", "--json",
                        typed="planted-2\nplanted-1\n")  # fmt: skip
    nothing = await cli("apps", "change", made["id"], code=2)
    await cli("customers", "quota", owner, "--files", "7", "--bytes", "9")
    await cli("customers", "rename", owner, "Another name")
    quota = (await cli("customers", "quota", owner, "--bytes", "default", "--json")).json
    await cli("customers", "quota", owner, "--bytes", "much", code=2)

    assert (made["customer_id"], made["live_secrets"], made["audited"]) == (owner, 1, False)
    assert (changed.json["live_secrets"], changed.json["audited"]) == (2, True)
    assert "--new-secret" in nothing.err
    assert key in (await cli("apps", "list", "--customer", owner)).out
    assert (await cli("apps", "show", made["id"], "--json")).json["id"] == made["id"]
    assert (quota["media_files_max"], quota["media_bytes_max"], quota["name"]) == (7, None, "Another name")


async def test_a_draft_has_whatever_tiktok_shows_and_is_edited_before_it_is_sent(cli: CommandLine, clip: Path) -> None:
    how = ("-p", "self", "--draft", "--consent-by", "anna", "--json")
    made = (await cli("post", str(clip), "-t", "first", "--cover-at", "1500", *how)).json
    photos = (
        await cli("post", "https://a.example/1.jpg", "https://a.example/2.jpg", "--first", "1", "--music", *how)
    ).json

    edited = await cli("posts", "edit", made["id"], "-t", "second", "--set", '{"is_aigc": true}', "--json")
    nothing = await cli("posts", "edit", made["id"], code=2)
    broken = await cli("posts", "edit", made["id"], "--set", "{", code=2)
    sent = await cli("posts", "send", made["id"], "--json")

    assert (made["request"]["video_cover_timestamp_ms"], made["request"]["consent"]["by"]) == (1500, "anna")
    assert (photos["request"]["photo_cover_index"], photos["request"]["auto_add_music"]) == (1, True)
    said = edited.json["request"]
    assert (said["title"], said["is_aigc"], said["privacy_level"]) == ("second", True, "SELF_ONLY")
    assert "--title" in nothing.err and "--set" in broken.err
    assert sent.json["state"] != "draft"
    assert (await cli("posts", "watch", made["id"])).code == 0, "it went out"


async def test_whoever_cannot_post_for_want_of_a_creator_is_told_whom_to_send_a_link(
    cli: CommandLine, stage: Stage, guest: Guest, clip: Path
) -> None:
    await stage.sim("POST", f"accounts/{guest.open_id}/expire?refresh=1")
    await stage.until((await guest.post())["id"], "failed")

    refused = await cli("post", str(clip), "-p", "self", code=2)

    assert "accounts reconnect" in refused.err and guest.account_id in refused.err
