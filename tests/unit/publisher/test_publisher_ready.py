"""How far a conversion is told on the timeline, and whose bytes the sweep may take."""

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.publisher.ageing import is_ours, remove_scratch
from services.publisher.ready import Progress

NOW = datetime(2026, 2, 4, tzinfo=UTC)
CUSTOMER, MEDIA, POST = (f"{kind}_01kgjz5r0078na614btt1yw8wc" for kind in ("cus", "med", "post"))


def test_progress_is_told_in_quarters_and_each_at_most_once() -> None:
    progress = Progress()
    told = []

    for hundredth in range(0, 101, 3):
        progress.report(hundredth / 100)
        if progress.moved.is_set():
            told.append(progress.percent())

    assert told == [25, 50, 75]


def test_a_leap_is_told_once() -> None:
    progress = Progress()

    progress.report(0.8)

    assert progress.percent() == 75
    assert not progress.moved.is_set()


@pytest.mark.parametrize("name", [MEDIA, POST, f"{MEDIA}.video.2", f"{MEDIA}.video.{MEDIA}.1"])
def test_names_that_we_give_are_ours(name: str) -> None:
    assert is_ours(f"{CUSTOMER}/{name}")


@pytest.mark.parametrize(
    "key", ["notes.txt", f"{CUSTOMER}/notes.txt", f"{MEDIA}/{MEDIA}", f"{CUSTOMER}/", f"{CUSTOMER}/{CUSTOMER}", MEDIA]
)
def test_other_names_are_somebody_elses(key: str) -> None:
    assert not is_ours(key)


def test_what_killed_processes_left_in_the_scratch_folder_goes_and_what_is_young_or_strange_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("clipwire-convert-old", "clipwire-convert-young", "other-old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "made").write_bytes(b"x")
    (tmp_path / "clipwire-media-old").write_bytes(b"x")
    for path in tmp_path.glob("*-old"):
        os.utime(path, (1000, 1000))

    remove_scratch(before=2000)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["clipwire-convert-young", "other-old"]
