"""What a program says of settings it cannot use: all in one line, and no secret; and how it shows good ones."""

from pathlib import Path

import pytest

from libs.runtime.settings import Settings, SettingsError, environment, load, load_all, summary
from libs.store.vault import new_key
from services.api.settings import ApiSettings
from services.ingest.settings import IngestSettings
from services.notifier.settings import NotifierSettings
from services.publisher.settings import PublisherSettings
from services.simulator.settings import SimulatorSettings

BAD = {
    "DATABASE_URL": "nonsense-hunter2",
    "RABBITMQ_URL": "http://user:hunter2@x",
    "RABBITMQ_PREFIX": "hunter 2",
    "TIKTOK_API_URL": "foo-hunter2",
    "TIKTOK_AUTH_URL": "ftp://hunter2",
    "TIKTOK_PER_MINUTE": "video_init",
    "CLIPWIRE_ENCRYPTION_KEYS": "hunter2",
    "CLIPWIRE_CLOCK": "http://hunter2.example",
    "MEDIA_URL": "http://hunter2",
    "EGRESS_ALLOW": "127.0.0.1/33",
    "PUBLIC_URL": "hunter2.example",
    "OPERATOR_KEY": "hunter2",
    "LOG_LEVEL": "hunter2",
    "LOG_FORMAT": "hunter2",
    "API_PORT": "abc",
    "INGEST_PORT": "abc",
    "PUBLISHER_PORT": "-1",
    "NOTIFIER_PORT": "65536",
    "SIMULATOR_PORT": "hunter2",
    "SIMULATOR_CLOCK": "hunter2",
    "PUBLISHER_CONCURRENCY": "many",
}
NEEDED = {
    "DATABASE_URL": "postgresql://u:p@h/d", "TIKTOK_CLIENT_KEY": "key", "TIKTOK_CLIENT_SECRET": "hunter1,hunter2",
    "MEDIA_URL": "file:///tmp/x", "CLIPWIRE_ENCRYPTION_KEYS": new_key(),
}  # fmt: skip
PROGRAMS: list[type[Settings]] = [
    ApiSettings, IngestSettings, NotifierSettings, PublisherSettings, SimulatorSettings
]  # fmt: skip


def named(model: type[Settings]) -> set[str]:
    return {name.upper() for name in model.model_fields}


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_bad_setting_is_named_in_one_line_with_what_is_wrong(program: type[Settings]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(program, NEEDED | BAD)

    said = str(caught.value)
    assert set(caught.value.bad) == named(program) & set(BAD)
    assert all(f"{name}: {why}" in said for name, why in caught.value.bad.items())
    assert "\n" not in said and "hunter" not in said and "Value error" not in said
    assert not any(why.startswith(name) for name, why in caught.value.bad.items())


def test_what_is_missing_is_named_and_all_programs_are_judged_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load_all(PROGRAMS, BAD)

    assert set(caught.value.bad) == set(BAD) | {"TIKTOK_CLIENT_KEY", "TIKTOK_CLIENT_SECRET"}
    assert caught.value.bad["TIKTOK_CLIENT_KEY"] == "required, and not set"
    load_all(PROGRAMS, NEEDED)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("DATABASE_URL", ["postgres://h/d", "postgresql:///d?host=/run", "postgresql://u:p@a:1,b:2/d?sslmode=require"]),
        ("RABBITMQ_URL", ["amqp://h", "amqps://u:p%2F@h:5671/v%2Fhost"]),
        ("TIKTOK_API_URL", ["http://127.0.0.1:8090", "https://open.tiktokapis.com/", "http://[::1]:1/x"]),
        ("MEDIA_URL", ["file:///x?keep_free_bytes=0", "s3://bucket/prefix?endpoint=http://minio:9000"]),
        ("PUBLIC_URL", ["https://x.example/", "http://127.0.0.1:8080"]),
        ("LOG_LEVEL", ["INFO", "warning"]),
    ],
)
def test_what_is_good_is_taken(name: str, good: list[str]) -> None:
    for value in good:
        load(PublisherSettings, NEEDED | {name: value})


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("STATS_EVERY_H", ["0.5", "721"]),
        (
            "DATABASE_URL",
            [
                "mysql://h/d",
                "postgresql://u:p/w@h:x/d",
                "postgresql://u:12/w@h/d",
                "postgresql://h:0/d",
                "host=h dbname=d",
            ],
        ),
        ("RABBITMQ_URL", ["amqp://", "amqp://u:p/w@h", "amqp://h:99999"]),
        ("TIKTOK_API_URL", ["https://", "https://x y", "https://x?y", "//x"]),
        ("MEDIA_URL", ["file://", "s3://", "s3://b?nonsense=1", "/tmp/x"]),
        ("PUBLIC_URL", ["http://x.example", "https://u@x.example"]),
    ],
)
def test_what_can_never_work_is_refused_before_anything_is_opened(name: str, bad: list[str]) -> None:
    for value in bad:
        with pytest.raises(SettingsError) as caught:
            load(PublisherSettings, NEEDED | {name: value})
        assert set(caught.value.bad) == {name}


def test_a_summary_says_set_and_unset() -> None:
    shown = summary(load(ApiSettings, NEEDED | {"RABBITMQ_URL": "amqp://u:hunter2@h"}))

    assert (shown["rabbitmq_url"], shown["tiktok_client_secret"], shown["operator_key"]) == ("set", "set (2)", "unset")
    assert (shown["public_url"], shown["database_url"], shown["api_port"]) == (
        "unset",
        "postgresql://u:***@h/d",
        "8080",
    )
    assert summary(load(SimulatorSettings, {}))["simulator_dir"] == "unset"
    assert "hunter" not in str(shown) and "None" not in str(shown)


def test_the_environment_stands_over_the_file_and_what_is_empty_is_unset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("API_PORT=18080\nrabbitmq_url='amqp://h'\nLOG_LEVEL=\nPUBLIC_URL=https://x\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PUBLIC_URL", "https://y")
    monkeypatch.setenv("API_PORT", "")

    read = environment()

    assert (read["API_PORT"], read["RABBITMQ_URL"], read["PUBLIC_URL"]) == ("18080", "amqp://h", "https://y")
    assert "LOG_LEVEL" not in read
