"""What the command line knows without a server: where to speak, what to show, how help reads."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from rich.text import Text
from typer.main import get_command
from typer.testing import CliRunner

from libs.rest.client import TimedOut, Unreachable, Unreadable
from services.cli.app import app
from services.cli.desk import Desk, command
from services.cli.dial import Address, dial
from services.cli.ending import Ended
from services.cli.place import Place, Unplaced, find_place, keep
from services.cli.say import Column, Say, clean, plain, table
from services.cli.typed import privacy_level
from services.cli.when import ago, ahead

WIDTH = 80


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"CLIPWIRE_CONFIG": str(tmp_path / "config" / "login.json")}


def card(folder: Path) -> None:
    (folder / ".clipwire").mkdir()
    said = {
        "api": "http://127.0.0.1:8080",
        "operator_key": "cw_local",
        "customer_id": "cus_1",
        "simulator": "http://sim",
    }
    (folder / ".clipwire" / "local.json").write_text(json.dumps(said))


def test_the_environment_wins_then_login_then_what_runs_here(tmp_path: Path, environ: dict[str, str]) -> None:
    below = tmp_path / "project" / "deep"
    below.mkdir(parents=True)
    with pytest.raises(Unplaced, match="clipwire login"):
        find_place(None, environ, folder=below)

    card(tmp_path)
    local = find_place(None, environ, folder=below)
    keep(Place("https://kept.example", "cw_kept"), Path(environ["CLIPWIRE_CONFIG"]))
    kept = find_place(None, environ, folder=below)
    named = find_place(None, environ | {"CLIPWIRE_URL": "https://env.example", "CLIPWIRE_KEY": "cw_env"}, folder=below)

    assert (local.url, local.key, local.customer_id, local.simulator) == (
        "http://127.0.0.1:8080", "cw_local", "cus_1", "http://sim"
    )  # fmt: skip
    assert (kept.url, kept.key) == ("https://kept.example", "cw_kept")
    assert (named.url, named.key) == ("https://env.example", "cw_env")
    assert find_place("http://127.0.0.1:8080/", environ, folder=below).key == "cw_local"


def test_a_key_goes_only_where_it_came_from(tmp_path: Path, environ: dict[str, str]) -> None:
    keep(Place("https://kept.example", "cw_kept"), Path(environ["CLIPWIRE_CONFIG"]))

    with pytest.raises(Unplaced) as refused:
        find_place("https://other.example", environ, folder=tmp_path)

    assert "cw_kept" not in str(refused.value)


def test_what_is_kept_is_for_its_owner_alone_and_whole(tmp_path: Path, environ: dict[str, str]) -> None:
    path = Path(environ["CLIPWIRE_CONFIG"])
    for key in ("cw_first", "cw_second"):
        keep(Place("https://kept.example", key, "cus_1"), path)

    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    assert json.loads(path.read_text()) == {"url": "https://kept.example", "key": "cw_second", "customer_id": "cus_1"}
    assert list(path.parent.iterdir()) == [path]
    assert "cw_second" not in repr(find_place(None, environ, folder=tmp_path))
    path.write_text("{broken")
    with pytest.raises(Unplaced, match="cannot be read"):
        find_place(None, environ, folder=tmp_path)


def test_text_of_others_cannot_move_a_terminal() -> None:
    assert clean("a\x1b[2Jb\x07\u202ec\r\nd\x9b1m") == "a·[2Jb··c·⏎d·1m"
    assert plain({"title": "x\x1b]0;y\x07"}) == "title=x·]0;y·"


def drawn(columns: tuple[Column, ...], *rows: tuple[str, ...]) -> str:
    console = Console(width=WIDTH, color_system=None)
    cells = [[Text(cell) for cell in row] for row in rows]
    with console.capture() as capture:
        console.print(table(columns, cells, WIDTH))
    return capture.get()


def test_a_table_keeps_ids_whole_and_stays_within_the_terminal() -> None:
    def row(_: Any) -> str:
        return ""

    id_ = "post_01m8k9yn75vxdfgshcc6s6v56y"
    columns = (Column("post", row), Column("title", row, gives=True), Column("why", row, gives=True, wraps=True))

    said = drawn(columns, (id_, "t" * 200, "because of many words " * 5), (id_, "short", "因為" * 40))

    assert max(map(Text, said.splitlines()), key=lambda line: line.cell_len).cell_len <= WIDTH
    assert said.count(id_) == 2
    assert "…" in said and said.count("because") == 5


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*path, name))
    if not hasattr(command, "commands"):
        yield " ".join(path), command


def test_every_command_says_what_it_does_in_lines_that_fit_and_takes_json() -> None:
    every = dict(commands(get_command(app)))

    assert len(every) > 50
    for name, one in every.items():
        assert one.help, name
        assert {"as_json", "api_url"} <= {param.name for param in one.params}, name
        too_long = [line for line in one.help.splitlines() if line.startswith("  ") and len(line) >= WIDTH]
        assert too_long == [], name
        for param in one.params:
            assert param.name and not param.name.startswith("_"), name


@pytest.mark.parametrize(
    "line",
    ["nope --json", "posts show --json", "posts list --json --limit 0", "posts nope --json", "keys list --what --json"],
)
def test_a_wrong_command_line_is_a_problem_too_when_json_is_asked_for(line: str) -> None:
    done = CliRunner().invoke(app, line.split())

    told = json.loads(done.stderr)
    assert (done.exit_code, done.stdout, told["code"]) == (2, "", "usage")
    assert told["detail"] and "╭" not in told["detail"] and "--help" in told["remedy"]


def test_examples_in_help_are_commands_there_are() -> None:
    every = dict(commands(get_command(app)))
    shown = [line.split() for one in every.values() for line in (one.help or "").splitlines()
             if line.startswith("  clipwire ")]  # fmt: skip

    manual = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8").splitlines()
    shown += [line.split() for line in manual if line.startswith("clipwire ")]
    assert len(shown) > 20
    for _, first, *rest in shown:
        assert first in every or f"{first} {rest[0]}" in every, first


def test_a_span_is_counted_from_now_and_a_time_is_left_to_the_server() -> None:
    now = datetime.now(UTC)

    back, forth = ago("2h"), ahead("90d")

    assert isinstance(back, datetime) and timedelta(hours=1, minutes=59) < now - back <= timedelta(hours=2)
    assert isinstance(forth, datetime) and timedelta(days=90) <= forth - now < timedelta(days=90, minutes=1)
    assert [ago(said) for said in ("2027-05-01T00:00Z", "2 h", "-1h", "")] == ["2027-05-01T00:00Z", "2 h", "-1h", ""]


def test_privacy_has_short_names_and_no_others() -> None:
    assert (privacy_level("Self"), privacy_level("public_to_everyone"), privacy_level(None)) == (
        "SELF_ONLY",
        "PUBLIC_TO_EVERYONE",
        None,
    )
    with pytest.raises(Exception, match="one of public"):
        privacy_level("nobody")


def test_what_is_dialled_is_an_address_and_its_silence_is_an_answer() -> None:
    for wrong in ("ftp://x", "localhost:3000", "http://", "http://x:port"):
        with pytest.raises(Ended):
            Address.of(wrong)

    heard = dial("POST", Address.of("http://127.0.0.1:9/hook?x=1"), body=b"{}", timeout=2)

    assert heard.status is None and b"refused" in heard.body.lower()


ENDINGS = [
    (KeyboardInterrupt(), 130),
    (BrokenPipeError(), 141),
    (Ended("no"), 1),
    (Ended("wrong", code=2), 2),
    (Unplaced("nobody"), 2),
    (Unreachable("gone", may_have_worked=True), 3),
    (Unreadable("html", status=200), 3),
    (TimedOut("late", may_have_worked=False), 4),
    (FileNotFoundError(2, "No such file", "x"), 2),
]


@pytest.mark.parametrize(("error", "code"), ENDINGS, ids=[type(error).__name__ for error, _ in ENDINGS])
def test_every_ending_has_its_code_and_a_bug_its_trace(error: BaseException, code: int) -> None:
    small = typer.Typer()

    @command(small)
    def work(desk: Desk) -> None:
        raise error

    ended = CliRunner().invoke(small, ["--json"])

    assert ended.exit_code == code
    assert ended.stdout == "" and "Traceback" not in ended.stderr
    assert code in (130, 141) or json.loads(ended.stderr)["detail"]
    assert "may have been carried out" in ended.stderr or not getattr(error, "may_have_worked", False)


def test_a_bug_is_no_ending() -> None:
    small = typer.Typer()

    @command(small)
    def work(desk: Desk) -> None:
        raise RuntimeError("a bug")

    assert isinstance(CliRunner().invoke(small, []).exception, RuntimeError)


def test_json_says_nothing_to_people(capsys: pytest.CaptureFixture[str]) -> None:
    say = Say(as_json=True)

    say.note("by the way")
    say.line({"a": 1})

    said = capsys.readouterr()
    assert (json.loads(said.out), said.err) == ({"a": 1}, "")
