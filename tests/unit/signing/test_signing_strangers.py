"""A few of the campaign's deliveries and changed ones, judged by strangers (`make prove NAME=signatures`: 16,000)."""

import random
import shutil
from pathlib import Path

from bench.campaign.judges import NODE
from bench.campaign.signatures import COUNT, MUTATIONS, cases, mutated, run

FEW = 10 * len(MUTATIONS)


async def test_strangers_verify_every_delivery_and_accept_no_changed_one(tmp_path: Path) -> None:
    part = await run(scale=FEW / COUNT, seed=7, say=print, npm=False, folder=tmp_path)

    assert part.kept, part.text()
    judges = {row[0] for table in part.tables for row in table.rows}
    assert len(judges) == (5 if shutil.which("node") else 3), "PyPI's two, cryptography, and node's crypto for both"
    assert NODE[2] not in judges and any(NODE[2] in note for note in part.notes), "what is skipped is said"


async def test_every_kind_of_change_is_made_and_changes_something() -> None:
    given = cases(FEW, random.Random(7))

    changed = mutated(random.Random(7), given)

    assert len({how for how, _ in changed}) == len(MUTATIONS)
    assert all(case != was for (_, case), was in zip(changed, given, strict=True))
