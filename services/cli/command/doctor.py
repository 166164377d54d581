"""`clipwire doctor`. What is looked at is in `services.cli.doctor`; here is how it is said."""

import asyncio
import os
from pathlib import Path
from typing import Final

import typer
from rich.padding import Padding
from rich.text import Text

from services.cli.desk import HERE, Desk, command
from services.cli.doctor.finding import Finding, Verdict
from services.cli.ending import REFUSED
from services.cli.say import Say, clean

MARKS: Final = {Verdict.OK: ("✓", "green"), Verdict.WARNING: ("!", "yellow"), Verdict.FAULT: ("✗", "red")}
NARROW: Final = 24
"""Columns before what was found: a mark, and what was looked at."""


def add(app: typer.Typer) -> None:
    command(app, rich_help_panel=HERE)(doctor)


def doctor(desk: Desk) -> None:
    """Look this deployment over, and say what to do about what is wrong.

    Looks at settings, database, schema, encryption keys, clocks, RabbitMQ, TikTok and its app, the public URL and its
    signature file, the media store, and which programs answer. Changes nothing.

    Run it on the machine of the programs, where their settings are: the environment, or .env in this folder. Where
    `make run` or `clipwire up` runs, it looks at that instead, unless DATABASE_URL is set. Exit code 1 when there is a
    fault; what is only worth knowing is none.

    \b
    Examples:
      clipwire doctor
      clipwire doctor --json | jq '.data[] | select(.verdict == "fault")'
    """
    # here, because it needs what the programs are made of: every other command would start in twice the time
    from services.cli.doctor.examine import keep_quiet

    keep_quiet()
    told = "DATABASE_URL" in os.environ or Path(".env").exists()
    found = asyncio.run(_examined(desk.say, told=told))
    faults = sum(finding.is_fault for finding in found)
    if desk.say.as_json:
        data = [{"check": f.check, "verdict": f.verdict, "text": f.text, "remedy": f.remedy or None} for f in found]
        desk.say.line({"data": data, "faults": faults}, indent=2)
    else:
        desk.say.note(_summary(found, faults=faults))
    if faults:
        raise typer.Exit(REFUSED)


async def _examined(say: Say, *, told: bool) -> list[Finding]:
    from services.cli.doctor.examine import examine
    from services.cli.doctor.house import examine_house, running_house

    found = []
    card = await running_house()
    if card is None and not told:
        say.note("Neither .env nor DATABASE_URL is here, and nothing runs: run this where a deployment's settings are.")
    async for finding in examine() if card is None else examine_house(card):
        found.append(finding)
        if not say.as_json:
            _show(finding, say)
    return found


def _show(finding: Finding, say: Say) -> None:
    mark, style = MARKS[finding.verdict]
    if not say.out.is_terminal:
        print("\t".join((finding.verdict, finding.check, clean(finding.text), clean(finding.remedy))), flush=True)
        return
    say.out.print(Text.assemble((f"{mark} ", style), (finding.check, "bold")), end="")
    gap = max(1, NARROW - 2 - len(finding.check))
    room = say.out.width - NARROW
    lines = Text(clean(finding.text)).wrap(say.out, room)
    say.out.print(Text(" " * gap) + lines[0])
    for line in lines[1:]:
        say.out.print(Padding(line, (0, 0, 0, NARROW)))
    if finding.remedy:
        for n, line in enumerate(Text(clean(finding.remedy)).wrap(say.out, room - 2)):
            say.out.print(Padding(Text.assemble(("→ " if n == 0 else "  ", "cyan"), line), (0, 0, 0, NARROW)))


def _summary(found: list[Finding], *, faults: int) -> str:
    warnings = sum(finding.verdict is Verdict.WARNING for finding in found)
    if not faults and not warnings:
        return f"All {len(found)} looks are well."
    counts = [(faults, "fault", "to mend"), (warnings, "limit", "to know of")]
    said = [f"{n} {word}{'s' if n > 1 else ''} {what}" for n, word, what in counts if n]
    return f"{' and '.join(said)}, of {len(found)} looks."
