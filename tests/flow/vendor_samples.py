"""The samples of other vendors' pages, word for word, and how they are run: the host and the key are swapped, and what
their pages leave open (which account, which file) is filled in."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

VENDORS = Path(__file__).parent / "vendors"


def samples(vendor: str, swaps: Mapping[str, str]) -> dict[str, str]:
    """Every sample of a vendor's pages by its name."""
    text = (VENDORS / f"{vendor}.txt").read_text()
    for theirs, ours in swaps.items():
        assert theirs in text, theirs
        text = text.replace(theirs, ours)
    pieces = [piece.partition("\n") for piece in text.split("=== ")[1:]]
    return {name: sample for name, _, sample in pieces}


async def in_shell(script: str, *, folder: Path, **environ: str) -> str:
    """What a command printed."""
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        script,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "NO_PROXY": "*", **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return said.decode()


async def in_python(script: str) -> str:
    """What a script printed; in this process, because a new one would cost more than all the rest."""
    printed: list[str] = []
    names: dict[str, Any] = {"print": lambda *said: printed.append(" ".join(map(str, said)))}
    await asyncio.to_thread(exec, compile(script, "sample", "exec"), names)
    assert names["resp"].status_code == 201, names["resp"].text
    return "\n".join(printed)


async def in_node(scripts: Sequence[str], *, folder: Path) -> str:
    """What these modules printed, one after the other in one process."""
    for n, script in enumerate(scripts):
        (folder / f"{n}.mjs").write_text(script)
    (folder / "all.mjs").write_text("\n".join(f'await import("./{n}.mjs");' for n in range(len(scripts))))
    return await in_shell("node all.mjs", folder=folder)
