"""What a worker process takes away from itself before it opens a stranger's file. Runs in workers only."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000


def confine() -> None:
    """Once, at start. Linux gets all of it, other systems the resource limits; nothing here needs a privilege."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    # Writing past RLIMIT_FSIZE is then an ordinary OSError.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(5)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _leave_the_network(libc)
        _be_killed_first()


def limit(*, cpu_s: int, memory_bytes: int, output_bytes: int) -> None:
    """Before each job: processor seconds from now, address space, and the longest file it may write."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent_s = int(used.ru_utime + used.ru_stime) + 1
    _soft(resource.RLIMIT_CPU, spent_s + cpu_s)
    _soft(resource.RLIMIT_FSIZE, output_bytes)
    if sys.platform == "linux":  # macOS refuses or ignores it
        _soft(resource.RLIMIT_AS, memory_bytes)


def _soft(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _leave_the_network(libc: ctypes.CDLL) -> None:
    """An exploited decoder should find no network. Root can simply leave; others may where user namespaces are allowed.

    Where neither is (many containers), the limits and the empty environment remain.
    """
    if libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def _be_killed_first() -> None:
    """When the machine runs out of memory, a worker is the one to lose."""
    try:
        with open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")
    except OSError:
        return  # no /proc, or not ours to write: the kernel decides alone
