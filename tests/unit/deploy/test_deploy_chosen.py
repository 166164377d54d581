"""What `make run` takes of its settings, and the card that says where it is."""

import json
from pathlib import Path

import pytest

from deploy.chosen import LOOPBACK, chosen
from deploy.house import Places
from deploy.keepsake import Keepsake
from deploy.welcome import CARD, card_in, remove_card
from libs.runtime.settings import SettingsError
from libs.store.vault import new_key

ROOT = Path(__file__).parents[3]
REAL = {"TIKTOK_API_URL": "https://open.tiktokapis.com", "TIKTOK_AUTH_URL": "https://www.tiktok.com/"}
APP = {"TIKTOK_CLIENT_KEY": "aw", "TIKTOK_CLIENT_SECRET": "s1,s2"}


@pytest.fixture
def keepsake(tmp_path: Path) -> Keepsake:
    return Keepsake.of(tmp_path)


def test_the_example_copied_whole_changes_nothing(keepsake: Keepsake, tmp_path: Path) -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    copied = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

    def places(environ: dict[str, str]) -> Places:
        return Places("postgresql://h/d", tmp_path, keepsake, chosen(environ, keepsake))

    with_it, without = places(copied).settings("http://sim"), places({}).settings("http://sim")
    assert {name: with_it[name] for name in without} == without
    places(copied).check()


def test_what_is_given_is_taken_and_what_the_house_needs_is_kept(keepsake: Keepsake, tmp_path: Path) -> None:
    key = new_key()
    given = {
        "API_PORT": "18080", "RABBITMQ_URL": "amqp://h", "OPERATOR_KEY": "cw_" + "o" * 32, "EGRESS_ALLOW": "10.0.0.0/8",
        "CLIPWIRE_ENCRYPTION_KEYS": key, "PUBLIC_URL": "https://clip.example", **APP, **REAL,
    }  # fmt: skip

    settings = Places("postgresql://h/d", tmp_path, keepsake, chosen(given, keepsake)).settings("http://sim")

    same = {name: value for name, value in given.items() if name not in ("EGRESS_ALLOW", "CLIPWIRE_ENCRYPTION_KEYS")}
    assert settings | same | {"TIKTOK_API_URL": "http://sim", "TIKTOK_AUTH_URL": "http://sim"} == settings
    assert settings["EGRESS_ALLOW"] == f"10.0.0.0/8,{LOOPBACK}", "the simulated customer is on loopback"
    assert settings["CLIPWIRE_ENCRYPTION_KEYS"] == f"{key},{keepsake.encryption_key}", "the first encrypts"
    other = {"TIKTOK_API_URL": "http://simulator:8090", "DATABASE_URL": "postgresql://h/d", **APP}
    assert "TIKTOK_API_URL" not in chosen(other, keepsake), "that of a compose file, which nobody here could reach"


def test_a_deployment_at_tiktok_is_not_driven_against_a_simulator(keepsake: Keepsake) -> None:
    deployment = {"DATABASE_URL": "postgresql://h/d", **APP, **REAL}

    for address in (REAL, dict.fromkeys(REAL, ""), {}):  # unless told otherwise, the programs are at TikTok
        with pytest.raises(SettingsError, match=r"DATABASE_URL and TIKTOK_CLIENT_KEY .*README, Operate"):
            chosen({"DATABASE_URL": "postgresql://h/d", **APP, **address}, keepsake)
    for name in ("DATABASE_URL", "TIKTOK_CLIENT_KEY"):
        chosen(deployment | {name: ""}, keepsake)


def test_every_bad_setting_of_every_program_is_told_at_once(keepsake: Keepsake, tmp_path: Path) -> None:
    bad = {"INGEST_PORT": "abc", "SIMULATOR_PORT": "abc", "MEDIA_CONVERTERS": "many", "OPERATOR_KEY": "short",
           "RABBITMQ_URL": "http://x", "LOG_LEVEL": "loud"}  # fmt: skip

    with pytest.raises(SettingsError) as caught:
        Places("postgresql://h/d", tmp_path, keepsake, chosen(bad, keepsake)).check()

    assert set(caught.value.bad) == set(bad)


def test_the_card_is_there_only_while_everything_answers(tmp_path: Path) -> None:
    path = tmp_path / CARD
    path.write_text("of a killed run")

    remove_card(tmp_path)
    assert not path.exists()
    remove_card(tmp_path)
    with card_in(tmp_path, {"api": "http://x"}):
        assert (json.loads(path.read_text()), path.stat().st_mode & 0o777) == ({"api": "http://x"}, 0o600)
    assert not path.exists()
