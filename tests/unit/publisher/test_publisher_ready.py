"""How far a conversion is told on the timeline, and whose bytes the sweep may take."""

from datetime import UTC, datetime

import pytest

from libs.model.ids import new_id
from services.publisher.ageing import is_ours
from services.publisher.ready import Progress

NOW = datetime(2026, 2, 4, tzinfo=UTC)
CUSTOMER, MEDIA, POST = new_id("cus", NOW), new_id("med", NOW), new_id("post", NOW)


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
