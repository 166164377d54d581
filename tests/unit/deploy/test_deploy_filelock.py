import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.errors import DirectoryInUse
from deploy.filelock import FileLock

_ROOT = Path(__file__).parents[3]


def test_a_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock"), pytest.raises(DirectoryInUse, match=f"process {os.getpid()}"):
        FileLock(tmp_path / "lock").acquire()


def test_a_released_lock_is_free_for_others(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    first.acquire()
    first.release()

    second.acquire()

    with pytest.raises(DirectoryInUse):
        first.acquire()
    second.release()


def test_taking_and_releasing_twice_is_harmless(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    lock.acquire()
    lock.acquire()
    lock.release()
    lock.release()

    with FileLock(tmp_path / "lock") as other:
        assert other is not lock


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from deploy.filelock import FileLock\n"
        "FileLock(Path(sys.argv[1])).acquire(); print('held', flush=True); sys.stdin.read()"
    )
    argv = [sys.executable, "-c", script, str(tmp_path / "lock")]
    holder = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DirectoryInUse, match=f"process {holder.pid}"):
            FileLock(tmp_path / "lock").acquire()
        holder.kill()

    FileLock(tmp_path / "lock", timeout=5).acquire()
    assert (tmp_path / "lock").read_text() == str(os.getpid())
