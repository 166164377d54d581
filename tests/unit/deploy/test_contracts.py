"""The committed contracts: what `make check` refuses."""

from pathlib import Path

import orjson
import pytest

from deploy.contracts import FOLDER, contracts, main, read
from libs.broker.asyncapi import asyncapi
from libs.model.event_type import EventType


def test_the_committed_contracts_are_the_codes() -> None:
    assert read(FOLDER) == orjson.loads(orjson.dumps(contracts()))


def promise(folder: Path, name: str, required: bool = True) -> None:
    """As if the committed contract of a test event had promised another field."""
    path = folder / "events/webhook.test.json"
    document = orjson.loads(path.read_bytes())
    data = document["$defs"]["WebhookTest"]
    data["properties"][name] = {"type": "string"}
    data["required"] += [name] if required else []
    path.write_bytes(orjson.dumps(document))


def test_what_was_promised_and_is_gone_is_refused_and_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--write"], folder=tmp_path) == main([], folder=tmp_path) == 0
    promise(tmp_path, "gone")

    assert main([], folder=tmp_path) == main(["--write"], folder=tmp_path) == 1
    assert "webhook.test.json: body.data.gone is gone" in capsys.readouterr().out
    assert main(["--write", "--break"], folder=tmp_path) == main([], folder=tmp_path) == 0


def test_a_type_of_event_that_is_gone_is_refused(tmp_path: Path) -> None:
    main(["--write"], folder=tmp_path)
    (tmp_path / "events/post.old.json").write_text("{}")

    assert main([], folder=tmp_path) == 1


def test_a_compatible_change_only_wants_to_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--write"], folder=tmp_path)
    (tmp_path / "events/webhook.test.json").unlink()

    assert main([], folder=tmp_path) == 1
    assert "make contracts" in capsys.readouterr().out
    assert main(["--write"], folder=tmp_path) == main([], folder=tmp_path) == 0


def test_the_asyncapi_document_names_every_event_and_refers_to_nothing_that_is_not_there() -> None:
    document = orjson.loads(orjson.dumps(asyncapi()))
    refs = []

    def walk(value: object) -> None:
        if isinstance(value, dict):
            refs.extend([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(document)
    for ref in refs:
        place = document
        for part in ref.removeprefix("#/").split("/"):
            place = place[part]
    assert refs and document["asyncapi"] == "3.0.0"
    assert {f"event.{type_}" for type_ in EventType} <= set(document["channels"])
