"""`signatures`: random deliveries as the notifier sends them, judged by strangers; each changed a little, and then
accepted by none."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson

from bench.campaign.judges import NODE, Case, by_node, by_python, install
from bench.campaign.report import Part, Table, sample
from libs import signing
from libs.model.endpoint import Endpoint, EndpointState, Payload, Secret
from libs.model.event_type import EventType
from libs.model.ids import new_id
from libs.store.deliveries import Claimed
from services.notifier.deliver import Destination, write

PROMISED = 10_000
COUNT = 16_000
"""So many that every judge sees as many as are promised: of three endpoints one has keys of one scheme, one of the
other, one of both."""
ENDPOINTS = 42
BATCH = 1000
"""Judged at once: libraries look at the machine's clock, and take what is at most five minutes old."""
FOLDER = Path(".clipwire/prove/npm")
LETTERS = 'ab 0"\\/\n\t,.{}éß世🎬\u2028\u00a0'

Mutation = Callable[[random.Random, Case, Case], Case]


def cases(count: int, chance: random.Random) -> list[Case]:
    """So many deliveries of random events to endpoints with random keys, signed by the notifier's own code."""
    known = [_endpoint(chance, n) for n in range(ENDPOINTS)]
    made = []
    for _ in range(count):
        endpoint = chance.choice(known)
        now = datetime.now(UTC)
        destination = Destination(endpoint, timeout_max=15, concurrency=1, now=now)
        event_id = new_id("evt", now)
        claimed = Claimed(new_id("dlv", now), now.date(), 1, endpoint.id, event_id, 0, _body(chance, event_id), now)
        message = write(claimed, destination, now)
        headers = message.headers
        made.append(
            Case(
                headers["webhook-id"],
                headers["webhook-timestamp"],
                headers["webhook-signature"],
                message.body,
                secret=_one(chance, endpoint, signing.SharedSecret),
                public=_one(chance, endpoint, signing.SigningKey),
            )
        )
    return made


def _endpoint(chance: random.Random, n: int) -> Endpoint:
    """The n-th, with keys of one scheme or of both by turns, some of them in the midst of a rotation."""
    kinds = ((signing.new_secret,), (signing.new_signing_key,), (signing.new_secret, signing.new_signing_key))[n % 3]
    keys = [make().reveal() for make in kinds for _ in range(chance.choice((1, 1, 2, 5)))]
    chance.shuffle(keys)
    return Endpoint(
        new_id("end", datetime.now(UTC)), "cus_1", "https://a.example", ("*",), EndpointState.ENABLED,
        tuple(Secret(key) for key in keys), payload=chance.choice(tuple(Payload)),
    )  # fmt: skip


def _one(
    chance: random.Random, endpoint: Endpoint, kind: type[signing.SharedSecret] | type[signing.SigningKey]
) -> str | None:
    """One of an endpoint's keys of this kind, as its receiver knows it."""
    keys = [key for key in (signing.parse_secret(secret.text) for secret in endpoint.secrets) if isinstance(key, kind)]
    if not keys:
        return None
    key = chance.choice(keys)
    return key.public.text if isinstance(key, signing.SigningKey) else key.reveal()


def _body(chance: random.Random, event_id: str) -> str:
    text = "".join(chance.choices(LETTERS, k=chance.choice((0, 3, 40, 2200))))
    data = {"post_id": text[:5], "title": text, "n": chance.getrandbits(50), "deep": [{"a": chance.random()}, None]}
    return orjson.dumps({"id": event_id, "type": chance.choice(tuple(EventType)), "data": data}).decode()


# Changes, each of which a receiver must notice


def _body_byte(chance: random.Random, case: Case, _: Case) -> Case:
    body, place = bytearray(case.body), chance.randrange(len(case.body))
    body[place] ^= 1 << chance.randrange(8)
    return replace(case, body=bytes(body))


def _body_cut(chance: random.Random, case: Case, _: Case) -> Case:
    return replace(case, body=case.body[: chance.randrange(len(case.body))])


def _body_longer(chance: random.Random, case: Case, _: Case) -> Case:
    return replace(case, body=case.body + chance.choice((b" ", b"\n", b"\x00", b"{}")))


def _body_of_another(_: random.Random, case: Case, other: Case) -> Case:
    return replace(case, body=other.body)


def _another_id(chance: random.Random, case: Case, _: Case) -> Case:
    place = chance.randrange(4, len(case.message_id))
    letter = "0" if case.message_id[place] != "0" else "1"
    return replace(case, message_id=case.message_id[:place] + letter + case.message_id[place + 1 :])


def _another_time(chance: random.Random, case: Case, _: Case) -> Case:
    return replace(case, stamp=str(int(case.stamp) + chance.choice((-60, -1, 1, 60))))


def _too_old(_: random.Random, case: Case, __: Case) -> Case:
    return replace(case, stamp=str(int(case.stamp) - 600))


def _signature_letter(chance: random.Random, case: Case, _: Case) -> Case:
    entries = []
    for entry in case.signature.split(" "):
        version, text = entry.split(",")
        place = chance.randrange(len(text) - 4)  # the last letters hold padding that decodes to nothing
        letter = "A" if text[place] != "A" else "B"
        entries.append(f"{version},{text[:place]}{letter}{text[place + 1 :]}")
    return replace(case, signature=" ".join(entries))


def _signature_of_another(_: random.Random, case: Case, other: Case) -> Case:
    return replace(case, signature=other.signature)


def _another_version(_: random.Random, case: Case, __: Case) -> Case:
    return replace(case, signature=" ".join("v9," + entry.partition(",")[2] for entry in case.signature.split(" ")))


def _no_signature(_: random.Random, case: Case, __: Case) -> Case:
    return replace(case, signature=" ".join(entry.partition(",")[0] + "," for entry in case.signature.split(" ")))


def _another_key(_: random.Random, case: Case, __: Case) -> Case:
    return replace(
        case,
        secret=case.secret and signing.new_secret().reveal(),
        public=case.public and signing.new_signing_key().public.text,
    )


MUTATIONS: tuple[Mutation, ...] = (
    _body_byte, _body_cut, _body_longer, _body_of_another, _another_id, _another_time, _signature_letter,
    _signature_of_another, _another_version, _too_old, _no_signature, _another_key,
)  # fmt: skip


def mutated(chance: random.Random, given: Sequence[Case]) -> list[tuple[str, Case]]:
    """Each case changed in one way, named."""
    changed = []
    for n, case in enumerate(given):
        other = given[(n + 1) % len(given)]
        change = MUTATIONS[n % len(MUTATIONS)]
        one = change(chance, case, other)
        changed.append(
            (change.__name__.strip("_").replace("_", " "), one if one != case else _too_old(chance, case, other))
        )
    return changed


async def judged(given: Sequence[Case], *, beside: Path) -> dict[str, list[bool | None]]:
    """What every judge on this machine says."""
    return by_python(given) | (await by_node(given, beside=beside) or {})


async def run(*, scale: float, seed: int, say: Callable[[str], None], npm: bool = True, folder: Path = FOLDER) -> Part:
    """The campaign. `npm` false: without fetching its library into `folder`."""
    part, chance, began = Part("signatures"), random.Random(seed), time.monotonic()
    why = await install(folder) if npm else "it was not asked for"
    count = max(len(MUTATIONS), round(COUNT * scale))
    wrong: dict[str, list[str]] = {}
    taken: dict[str, list[str]] = {}
    looked: dict[str, list[int]] = {}
    for first in range(0, count, BATCH):
        good = cases(min(BATCH, count - first), chance)
        for judge, verdicts in (await judged(good, beside=folder)).items():
            looked.setdefault(judge, [0, 0])[0] += sum(verdict is not None for verdict in verdicts)
            wrong.setdefault(judge, []).extend(
                case.message_id for case, verdict in zip(good, verdicts, strict=True) if verdict is False
            )
        bad = mutated(chance, good)
        for judge, verdicts in (await judged([case for _, case in bad], beside=folder)).items():
            looked[judge][1] += sum(verdict is not None for verdict in verdicts)
            taken.setdefault(judge, []).extend(
                f"{how} of {case.message_id}" for (how, case), verdict in zip(bad, verdicts, strict=True) if verdict
            )
        say(f"signatures: {min(first + BATCH, count)} of {count}, {time.monotonic() - began:.0f} s")
    table = Table("judged", ("judge", "deliveries", "refused", "changed ones", "accepted"))
    for judge, (whole, changed) in looked.items():
        table.rows.append((judge, whole, len(wrong[judge]), changed, len(taken[judge])))
        part.hold(f"{judge} verifies every delivery", whole > 0 and not wrong[judge], sample(wrong[judge]))
        part.hold(f"{judge} accepts no changed one", changed > 0 and not taken[judge], sample(taken[judge]))
    part.tables.append(table)
    judge_judges(part, {judge: min(counts) for judge, counts in looked.items()}, scale=scale, why=why)
    return part


def judge_judges(part: Part, looked: Mapping[str, int], *, scale: float, why: str | None) -> None:
    """Whether every judge has seen enough, of deliveries and of changed ones. In a smaller campaign those of Node may
    be missing, because `why`; the whole one is not kept without them.
    """
    missing = [judge for judge in NODE if judge not in looked]
    said = f"{', '.join(missing)}: {why or 'node is not on this machine'}" if missing else ""
    if scale >= 1:
        few = [f"{judge}: {count}" for judge, count in looked.items() if count < PROMISED]
        found = "; ".join(filter(None, (said, ", ".join(few)))) or f"{len(looked)} judges"
        part.hold(f"every judge has seen {PROMISED:,} deliveries and as many changed ones", not missing + few, found)
    elif missing:
        part.notes.append(f"skipped: {said}; from scale 1 on the promise is not kept without")
