"""A private RabbitMQ node: its own ports, folders, cookie and epmd, next to whatever else runs on the machine."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from deploy.amqp import LoginFailed, log_in
from deploy.errors import ServerFailed, Unsupported
from deploy.filelock import FileLock
from deploy.process import Leash, end, free_port, is_free

_STOP = ((signal.SIGTERM, 30.0), (signal.SIGKILL, 5.0))
_PORT_SECONDS = 10.0
_PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/usr/lib/rabbitmq/bin")
_CONFIGURATION = "disk_free_limit.absolute = 50MB\nlog.console = false\n"


@dataclass(frozen=True, slots=True)
class RabbitProgram:
    """An installed RabbitMQ: its start script, its `epmd`, and what both need in their environment."""

    server: Path
    epmd: Path
    environment: Mapping[str, str] = field(default_factory=dict)


def installed() -> RabbitProgram | None:
    """The RabbitMQ on PATH or in the usual places, if Erlang is there too."""
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), *_PLACES])
    server, epmd = shutil.which("rabbitmq-server", path=search), shutil.which("epmd", path=search)
    if server is None or epmd is None:
        return None
    script = Path(server).resolve()
    if script.name == "rabbitmq-script-wrapper":
        # Debian's wrapper changes to user rabbitmq as root and refuses everybody else: call what it calls.
        script = (script.parent / "rabbitmq-server").resolve()
    return RabbitProgram(server=script, epmd=Path(epmd))


class PrivateRabbit:
    """One node and its data under `directory`, reached by guest/guest on 127.0.0.1 only.

    The ports are remembered: `url` stays the same over stop, kill and start, and a start fails if another program has
    taken one meanwhile. What was declared a moment before a `kill` may not be on disk yet. All methods block.
    """

    def __init__(self, directory: Path, *, program: RabbitProgram) -> None:
        """Raises `Unsupported` for a path with white space, which RabbitMQ's scripts do not survive."""
        self.directory = directory.absolute()
        if any(character.isspace() for character in str(self.directory)):
            raise Unsupported(f"RabbitMQ cannot live in a path with white space: {self.directory}")
        self.program = program
        self._lock = FileLock(self.directory / "lock")
        self._epmd: subprocess.Popen[bytes] | None = None
        self._node: subprocess.Popen[bytes] | None = None
        self._leashes: list[Leash] = []

    @property
    def url(self) -> str:
        """Valid from the first start on."""
        return f"amqp://guest:guest@127.0.0.1:{self.ports()['amqp']}/"

    def start(self, *, timeout: float = 90.0) -> None:
        """Returns when an AMQP log-in works; harmless when running.

        Raises `DirectoryInUse` while another process runs a node here, `ServerFailed` with the log's tail.
        """
        if self._node is not None and self._node.poll() is None:
            return
        deadline = time.monotonic() + timeout
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            self._prepare(min(deadline, time.monotonic() + _PORT_SECONDS))
            with (self.directory / "output").open("ab") as output:
                self._epmd = self._popen([str(self.program.epmd)], output=output.fileno())
                self._leashes.append(Leash(self._epmd.pid, signal.SIGKILL))
                self._node = self._popen([str(self.program.server)], output=output.fileno())
                # The script's whole group: killing the script alone would leave the node.
                self._leashes.append(Leash(-self._node.pid, signal.SIGKILL))
            self._await_login(self._node, deadline)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Orderly shutdown of the node and its epmd. Harmless when not running."""
        if self._node is not None and self._node.poll() is None:
            end(self._node, _STOP)
        self.kill()

    def kill(self) -> None:
        """`kill -9` of the node; a `start` afterwards recovers."""
        if self._node is not None:
            try:
                os.killpg(self._node.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # the whole group has ended already
            self._node.wait(10)
        if self._epmd is not None:
            end(self._epmd, ((signal.SIGKILL, 5.0),))
        for leash in self._leashes:
            leash.release()
        self._node, self._epmd, self._leashes = None, None, []
        self._lock.release()

    def remove(self) -> None:
        """Ends the node and deletes its folder."""
        self.kill()
        shutil.rmtree(self.directory)

    def _prepare(self, deadline: float) -> None:
        for name in ("home", "mnesia", "log", "gen"):
            (self.directory / name).mkdir(mode=0o700, exist_ok=True)
        (self.directory / "enabled_plugins").write_text("[].\n")
        (self.directory / "rabbitmq.conf").write_text(_CONFIGURATION)
        remembered = self.directory / "ports.json"
        # All or none: the distribution port and the name belong to the data.
        if not remembered.exists():
            remembered.write_text(json.dumps({"amqp": free_port(), "distribution": free_port(), "epmd": free_port()}))
        for name, port in self.ports().items():
            # A node killed a moment ago may still be letting go of its own.
            while not is_free(port):
                if time.monotonic() >= deadline:
                    raise ServerFailed(f"port {port} ({name}) of the node in {self.directory} is taken")
                time.sleep(0.05)

    def ports(self) -> dict[str, int]:
        """Every port of the node by its use; valid from the first start on."""
        return dict(json.loads((self.directory / "ports.json").read_text()))

    def _popen(self, argv: list[str], *, output: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            argv,
            env=self._environment(),
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _environment(self) -> dict[str, str]:
        """Complete: nothing of the caller's or the system's RabbitMQ configuration comes through."""
        here, ports = self.directory, self.ports()
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LC_ALL": "C.UTF-8",
            "HOME": str(here / "home"),  # of the Erlang cookie
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(ports["epmd"]),
            "RABBITMQ_NODENAME": f"clipwire{ports['amqp']}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(ports["amqp"]),
            "RABBITMQ_DIST_PORT": str(ports["distribution"]),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(here / "mnesia"),
            "RABBITMQ_LOG_BASE": str(here / "log"),
            "RABBITMQ_PID_FILE": str(here / "pid"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(here / "gen"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(here / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(here / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(here / "none"),
            "RABBITMQ_CONF_ENV_FILE": str(here / "none.sh"),
            **self.program.environment,
        }

    def _await_login(self, node: "subprocess.Popen[bytes]", deadline: float) -> None:
        while True:
            try:
                log_in(self.url)
            except LoginFailed as error:
                if node.poll() is not None:
                    raise ServerFailed(f"RabbitMQ did not start:\n{self._tail()}") from error
                if time.monotonic() >= deadline:
                    raise ServerFailed(f"RabbitMQ was not ready in time ({error}):\n{self._tail()}") from error
                time.sleep(0.1)
            else:
                return

    def _tail(self) -> str:
        logs = [self.directory / "output", *sorted((self.directory / "log").glob("*.log"))]
        return "\n".join(log.read_bytes()[-1_500:].decode(errors="replace").strip() for log in logs if log.exists())

    def __enter__(self) -> "PrivateRabbit":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
