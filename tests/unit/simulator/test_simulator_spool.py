"""The folder of received files stays within its bounds, and never loses what is still needed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.simulator.engine.spool import Spool, open_at


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "kept", file_bytes=60, total_bytes=100)
    spool.open()
    yield spool
    spool.close()


def keep(spool: Spool, name: str, size: int) -> Path:
    path = spool.reserve(name, size)
    assert path is not None
    path.write_bytes(b"x" * size)
    spool.settle(path, size)
    return path


def test_the_oldest_idle_file_makes_room(spool: Spool) -> None:
    first, second = keep(spool, "a", 40), keep(spool, "b", 40)

    third = keep(spool, "c", 40)

    assert not first.exists() and second.exists() and third.exists() and spool.kept_bytes == 80


def test_what_is_busy_stays_and_others_are_not_kept(spool: Spool) -> None:
    busy = spool.reserve("busy", 60)
    idle = keep(spool, "idle", 30)

    assert spool.reserve("more", 50) is None
    assert busy is not None and busy.exists() and not idle.exists()
    assert spool.reserve("too big", 61) is None
    spool.drop(busy)
    assert spool.kept_bytes == 0 and spool.reserve("more", 50) is not None


def test_a_smaller_file_than_reserved_gives_the_rest_back(spool: Spool) -> None:
    path = spool.reserve("a", 60)
    spool.settle(path, 10)
    assert spool.kept_bytes == 10
    spool.settle(None, 5)
    spool.drop(None)
    assert spool.kept_bytes == 10


def test_a_file_reopened_at_a_position_loses_what_lay_behind(spool: Spool) -> None:
    path = keep(spool, "a", 20)
    file = open_at(path, 5)
    assert file is not None
    with file:
        file.write(b"yy")
    assert path.read_bytes() == b"xxxxxyy" and open_at(None, 0) is None


def test_a_folder_of_ours_goes_away_and_a_given_one_stays(tmp_path: Path, spool: Spool) -> None:
    ours = Spool(None, file_bytes=1, total_bytes=1)
    with pytest.raises(RuntimeError):
        _ = ours.folder
    ours.open()
    folder = ours.folder
    ours.close()
    keep(spool, "a", 10)
    spool.close()
    assert not folder.exists() and (tmp_path / "kept").exists() and not list((tmp_path / "kept").iterdir())
