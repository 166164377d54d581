"""What a killed PostgreSQL leaves behind does not keep the next one from starting."""

import os
import subprocess
from pathlib import Path

import pytest

from deploy.cluster import clear_leftover


def test_a_postmaster_that_nobody_reaped_is_no_postmaster(tmp_path: Path) -> None:
    """A zombie, as it stays in a container whose first process waits for nobody's children."""
    pid_file = tmp_path / "postmaster.pid"
    with subprocess.Popen(["true"]) as zombie:
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        pid_file.write_text(f"{zombie.pid}\n{tmp_path}\nthe shared memory, by which its children are known\n")

        clear_leftover(tmp_path)

        named, _, rest = pid_file.read_text().partition("\n")
        assert rest == f"{tmp_path}\nthe shared memory, by which its children are known\n"
        with pytest.raises(ProcessLookupError):
            os.kill(int(named), 0)
