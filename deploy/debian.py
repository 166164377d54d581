"""Programs for tests from the machine's Debian or Ubuntu package source, unpacked into a private folder: RabbitMQ here,
Chromium in `deploy.chromium`.

Nothing is installed: apt only resolves and downloads (and checks signatures), against state folders of our own, and
the packages are unpacked, not configured. So no service starts, no user appears, no system package changes, and no
root is needed.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from deploy.errors import Unsupported
from deploy.filelock import FileLock
from deploy.rabbitmq import RabbitProgram

T = TypeVar("T")

_UPDATE_SECONDS, _DOWNLOAD_SECONDS, _UNPACK_SECONDS = 180.0, 600.0, 120.0
# The loader and the C library must be of one build, and the system's loader starts Erlang.
_NOT_UNPACKED = ("libc6_", "libc-bin_")

# Read after the system's own configuration, which keeps its sources, keys and proxies; its hooks are dropped, for
# they act on the system (Docker's images delete its downloaded packages) and fail for an ordinary user.
_APT_CONFIGURATION = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
Dir::State "{apt}";
Dir::State::lists "{apt}/lists";
Dir::State::status "{apt}/status";
Dir::Cache "{apt}";
Dir::Cache::archives "{apt}/archives";
Dir::Log "{apt}/log";
Debug::NoLocking "true";
APT::Sandbox::User "";
APT::Install-Recommends "false";
APT::Keep-Downloaded-Packages "true";
Acquire::Languages "none";
Acquire::Retries "3";
"""


def available() -> bool:
    """Whether this machine has Debian's package tools."""
    return all(shutil.which(tool) for tool in ("apt-get", "dpkg-deb")) and Path("/etc/apt").is_dir()


def fetch(environ: Mapping[str, str], *, say: Callable[[str], None]) -> RabbitProgram:
    """The unpacked RabbitMQ, fetched the first time (about 40 MB); `say` gets one line when it is.

    `environ` gives the cache folder and proxies. Raises `Unsupported` when the package source cannot deliver.
    """
    # Erlang too, even where the system has it: both whole, of one source.
    return unpacked(
        "rabbitmq", ("rabbitmq-server",), environ, whole=("erlang", "rabbitmq"), title="RabbitMQ", say=say, use=program
    )


def unpacked(
    name: str,
    packages: Sequence[str],
    environ: Mapping[str, str],
    *,
    whole: Sequence[str],
    title: str,
    say: Callable[[str], None],
    use: Callable[[Path], T],
) -> T:
    """What `use` makes of the folder in which these packages lie, with what they need and the system has not.

    Of packages whose names begin with one of `whole`, the system's own count for nothing. `use` raises `Unsupported`
    when the folder does not hold what it should; a download that it refuses is not kept.
    """
    cache = cache_folder(environ)
    with FileLock(cache / "lock", timeout=_UPDATE_SECONDS + _DOWNLOAD_SECONDS):
        root = cache / name
        if not root.exists():
            say(f"Fetching {title} from this system's Debian packages into {cache} (nothing is installed).")
            part = cache / f"{name}.part"
            _download_and_unpack(cache, packages, environ, whole=whole, into=part)
            use(part)
            part.rename(root)
        return use(root)


def program(root: Path) -> RabbitProgram:
    """The RabbitMQ and Erlang unpacked under `root`; raises `Unsupported` when parts are missing."""
    erlang = root / "usr" / "lib" / "erlang"
    runtime = next(iter(sorted(erlang.glob("erts-*/bin"))), None)
    server = next(iter(sorted(root.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server"))), None)
    if runtime is None or server is None:
        raise Unsupported(f"{root} holds no RabbitMQ: remove it to fetch it again")
    shims = root / "shims"
    shims.mkdir(exist_ok=True)
    # What the packaged `erl` does, without its fixed /usr/lib/erlang.
    script = (
        f'#!/bin/sh\nexport EMU=beam PROGNAME=erl ROOTDIR="{erlang}" BINDIR="{runtime}"\nexec "$BINDIR/erlexec" "$@"\n'
    )
    part = shims / f"erl.{os.getpid()}"
    part.write_text(script + 'exec "$BINDIR/erlexec" "$@"\n')
    part.chmod(0o755)
    part.rename(shims / "erl")
    return RabbitProgram(
        server=server,
        epmd=runtime / "epmd",
        environment={
            "PATH": os.pathsep.join([str(shims), str(runtime), str(root / "usr" / "bin"), os.defpath]),
            "LD_LIBRARY_PATH": libraries(root),
        },
    )


def libraries(root: Path) -> str:
    """A search path for the shared libraries unpacked under `root`."""
    return os.pathsep.join(str(folder) for folder in (*root.glob("usr/lib/*-linux-gnu"), *root.glob("lib/*-linux-gnu")))


def cache_folder(environ: Mapping[str, str]) -> Path:
    """A folder of this user alone, in a path without white space: RabbitMQ's scripts do not quote theirs."""
    wanted = [f"{environ['XDG_CACHE_HOME']}/clipwire"] if environ.get("XDG_CACHE_HOME") else []
    wanted += [f"{environ['HOME']}/.cache/clipwire"] if environ.get("HOME") else []
    for name in (*wanted, f"/var/tmp/clipwire-{os.geteuid()}"):  # noqa: S108 - ownership is checked below
        folder = Path(name)
        if any(character.isspace() for character in name):
            continue
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        found = folder.stat()
        if found.st_uid == os.geteuid() and not found.st_mode & 0o022:
            return folder
    raise Unsupported("no folder to keep packages in: set XDG_CACHE_HOME to one without white space")


def _download_and_unpack(
    cache: Path, packages: Sequence[str], environ: Mapping[str, str], *, whole: Sequence[str], into: Path
) -> None:
    apt = cache / "apt"
    shutil.rmtree(apt, ignore_errors=True)  # what a killed run left would be unpacked too
    for folder in ("lists/partial", "archives/partial", "log"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    (apt / "status").write_text(without(whole, Path("/var/lib/dpkg/status").read_text()))
    (apt / "apt.conf").write_text(_APT_CONFIGURATION.format(apt=apt))
    apt_get = ["apt-get", "-q", "-y", "-c", str(apt / "apt.conf")]
    env = {**environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    _run([*apt_get, "update"], env, _UPDATE_SECONDS)
    _run([*apt_get, "install", "--download-only", *packages], env, _DOWNLOAD_SECONDS)
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir()
    for archive in sorted((apt / "archives").glob("*.deb")):
        if not archive.name.startswith(_NOT_UNPACKED):
            _run(["dpkg-deb", "-x", str(archive), str(into)], env, _UNPACK_SECONDS)
    shutil.rmtree(apt)


def without(names: Sequence[str], status: str) -> str:
    """What dpkg has installed, less packages whose names begin so: apt fetches those whole."""
    stanzas = status.split("\n\n")
    begins = tuple(f"Package: {name}" for name in names)
    return "\n\n".join(each for each in stanzas if not each.startswith(begins))


def _run(argv: list[str], env: Mapping[str, str], seconds: float) -> None:
    try:
        done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Unsupported(f"{argv[0]} took longer than {seconds:.0f} s") from None
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise Unsupported(f"{argv[0]} failed: {lines[-1] if lines else done.returncode}")
