"""A browser for tests: the installed Chromium, else one unpacked from Debian packages, like RabbitMQ."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy import debian
from deploy.backing import leave_to_fetch
from deploy.errors import Unsupported

PACKAGES = ("chromium-headless-shell", "fonts-dejavu-core")
_FONTS = """\
<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{root}/usr/share/fonts</dir><dir>/usr/share/fonts</dir><cachedir>{root}/font-cache</cachedir></fontconfig>
"""


@dataclass(frozen=True, slots=True)
class Browser:
    """What to start, and the environment it needs."""

    executable: Path
    environment: Mapping[str, str] = field(default_factory=dict)


def find(environ: Mapping[str, str], *, say: Callable[[str], None]) -> Browser:
    """The installed Chromium, else the fetched one; `say` gets a line before anything is downloaded (about 80 MB).

    Fetching takes the same leave as RabbitMQ's. Raises `Unsupported` with the reason.
    """
    for name in ("chromium", "chromium-headless-shell"):
        if installed := shutil.which(name):
            return Browser(Path(installed))
    if not debian.available():
        raise Unsupported("no chromium on PATH, and no Debian packages on this system")
    if not leave_to_fetch(environ):
        raise Unsupported("no chromium on PATH; CLIPWIRE_TEST_INSTALL=1 allows fetching it from Debian packages")
    return debian.unpacked("chromium", PACKAGES, environ, whole=(), title="Chromium", say=say, use=program)


def program(root: Path) -> Browser:
    """The Chromium unpacked under `root`; raises `Unsupported` when there is none (Ubuntu's package has no program)."""
    binary = root / "usr" / "lib" / "chromium" / "chromium-headless-shell"
    if not binary.is_file():
        raise Unsupported(f"{root} holds no Chromium: remove it to fetch it again")
    fonts = root / "fonts.conf"
    part = root / f"fonts.{os.getpid()}"
    part.write_text(_FONTS.format(root=root))
    part.rename(fonts)
    beside = [str(folder) for folder in root.glob("usr/lib/*-linux-gnu/pulseaudio")]  # found by a path built in, else
    path = os.pathsep.join([debian.libraries(root), *beside])
    return Browser(binary, {"LD_LIBRARY_PATH": path, "FONTCONFIG_FILE": str(fonts)})
