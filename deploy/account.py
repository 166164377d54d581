"""As whom a server runs that refuses root, and where it may keep its files.

As an ordinary user there is nothing to decide. As root there are two ways. A user namespace in which root is called
1000 leaves every file where and whose it is. Many containers forbid namespaces, and inside one root may not enter
other people's folders; then the server runs as `nobody`, and what `nobody` cannot reach is moved to where it can.
What works is found by trying, not by reading permission bits.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from deploy.errors import Unsupported

_SHARED = Path("/var/lib/clipwire")  # of root alone, and only in the last resort
_PROBE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Account:
    """How to run a program: behind `prefix`, as `uid` and `gid` when they are not None."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def popen(self, argv: Sequence[str], *, env: Mapping[str, str], output: IO[bytes]) -> "subprocess.Popen[bytes]":
        """Started in a session of its own, so that Ctrl-C in our terminal is ours to act on."""
        return subprocess.Popen(
            [*self.prefix, *argv],
            env=env,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
        )

    def can(self, *argv: str) -> bool:
        """Whether this command, run so, succeeds."""
        try:
            done = subprocess.run(
                [*self.prefix, *argv],
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PROBE_SECONDS,
                user=self.uid,
                group=self.gid,
                extra_groups=None if self.uid is None else [],
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0

    def own(self, path: Path) -> None:
        """Gives a file or a tree to the account, if it is another's: an earlier start may have run differently."""
        if os.geteuid() != 0:
            return
        uid, gid = self.uid or 0, self.gid or 0
        if path.stat().st_uid == uid:
            return
        for folder, _, files in os.walk(path):
            for name in files:
                os.chown(Path(folder) / name, uid, gid, follow_symlinks=False)
            os.chown(folder, uid, gid)
        os.chown(path, uid, gid)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a server's programs and its data are, and as whom it runs."""

    account: Account
    programs: Path
    data: Path


def place(directory: Path, install: Path) -> Placement:
    """Decides for a server with its programs in `install` (…/package/pginstall, libraries in …/package.libs).

    `directory` exists; the data goes to `directory`/data, which becomes a link when it has to live elsewhere.
    """
    data = directory / "data"
    if os.geteuid() != 0:
        return Placement(Account(), install, data.resolve())
    namespaced = Account(prefix=("unshare", "-U", "--map-user=1000", "--map-group=1000", "--"))
    if _may_run(namespaced, install) and namespaced.can("test", "-w", str(directory)):
        return Placement(namespaced, install, data.resolve())
    nobody = _nobody()
    home = directory if nobody.can("test", "-x", str(directory)) else _shared_home(directory)
    if home != directory and not data.is_symlink():
        if data.exists():
            shutil.move(data, home / "data")
        data.symlink_to(home / "data")
    return Placement(nobody, install if _may_run(nobody, install) else _copied(install), data.resolve())


def remove(directory: Path) -> None:
    """Deletes a stopped server's folder, and what `place` had to put elsewhere."""
    data = directory / "data"
    if data.is_symlink():
        shutil.rmtree(data.resolve().parent)
        try:
            _SHARED.rmdir()
        except OSError:
            pass  # holds another server's data
    shutil.rmtree(directory)


def _nobody() -> Account:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise Unsupported(
            "PostgreSQL refuses to run as root, and this machine has neither user namespaces nor a `nobody`: "
            "start as an ordinary user, or set DATABASE_URL"
        ) from None
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def _may_run(account: Account, install: Path) -> bool:
    return account.can(str(install / "bin" / "postgres"), "--version")


def _shared_home(directory: Path) -> Path:
    home = _SHARED / hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:16]
    _passable(home)
    return home


def _copied(install: Path) -> Path:
    """The programs and their libraries where all may run them, in the wheel's layout: they find each other relatively.

    One copy serves every server of this build of the wheel, and stays.
    """
    package = install.parent
    libraries = package.with_name(package.name + ".libs")
    build = (install / "bin" / "postgres").stat().st_mtime_ns
    programs = _SHARED / f"programs-{build}"
    if not programs.exists():
        part = programs.with_name(f"{programs.name}.{os.getpid()}")
        _passable(part)
        shutil.copytree(install, part / package.name / install.name, symlinks=True)
        shutil.copytree(libraries, part / libraries.name, symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", str(part)], check=True, timeout=60)
        try:
            part.rename(programs)
        except OSError:
            shutil.rmtree(part)  # another process was faster
    return programs / package.name / install.name


def _passable(folder: Path) -> None:
    for each in (_SHARED, folder):
        each.mkdir(mode=0o711, parents=True, exist_ok=True)
        each.chmod(0o711)
