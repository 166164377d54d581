"""Who judges signatures: libraries and programs that share no line with ours."""

import asyncio
import base64
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import standardwebhooks
import svix
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

JUDGE = Path(__file__).with_name("judge.mjs")
LIBRARY = "standardwebhooks@1.1.1"
NODE_S = 300.0
NPM_S = 120.0


@dataclass(frozen=True, slots=True)
class Case:
    """One request as a customer got it, and what that customer knows: a secret, a public key, or both."""

    message_id: str
    stamp: str
    signature: str
    body: bytes
    secret: str | None
    public: str | None

    @property
    def headers(self) -> dict[str, str]:
        return {
            "webhook-id": self.message_id,
            "webhook-timestamp": self.stamp,
            "webhook-signature": self.signature,
        }


Verdicts = Mapping[str, Sequence[bool | None]]
"""By judge, one verdict per case; None where the judge has no key of it."""


def by_standardwebhooks(case: Case) -> bool | None:
    if case.secret is None:
        return None
    try:
        standardwebhooks.Webhook(case.secret).verify(case.body, case.headers)
    except (standardwebhooks.WebhookVerificationError, ValueError):  # its own quirk for what is no entry
        return False
    return True


def by_svix(case: Case) -> bool | None:
    if case.secret is None:
        return None
    try:
        svix.Webhook(case.secret).verify(case.body, case.headers)
    except (svix.WebhookVerificationError, ValueError):
        return False
    return True


def by_cryptography(case: Case) -> bool | None:
    if case.public is None:
        return None
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(case.public.removeprefix("whpk_")))
    signed = f"{case.message_id}.{case.stamp}.".encode() + case.body
    return any(_signed_by(key, entry, signed) for entry in case.signature.split(" "))


def _signed_by(key: Ed25519PublicKey, entry: str, signed: bytes) -> bool:
    version, _, text = entry.partition(",")
    if version != "v1a":
        return False
    try:
        key.verify(base64.b64decode(text), signed)
    except (InvalidSignature, ValueError):
        return False
    return True


PYTHON: Mapping[str, Callable[[Case], bool | None]] = {
    "PyPI standardwebhooks (v1)": by_standardwebhooks,
    "PyPI svix (v1)": by_svix,
    "cryptography (v1a)": by_cryptography,
}
NODE = ("Node's crypto (v1)", "Node's crypto (v1a)", "npm standardwebhooks (v1)")


def by_python(cases: Sequence[Case]) -> dict[str, list[bool | None]]:
    return {name: [judge(case) for case in cases] for name, judge in PYTHON.items()}


async def by_node(cases: Sequence[Case], *, beside: Path) -> dict[str, list[bool | None]] | None:
    """Node's verdicts; None without Node. `beside` is a folder where npm may have installed its library."""
    program = shutil.which("node")
    if program is None:
        return None
    node = await asyncio.create_subprocess_exec(
        program,
        str(JUDGE),
        str(beside.resolve() / "package.json"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(NODE_S):
        out, _ = await node.communicate("".join(map(_line, cases)).encode())
    first, *verdicts = out.decode().splitlines()
    if node.returncode != 0 or len(verdicts) != len(cases):
        raise RuntimeError(f"node judged {len(verdicts)} of {len(cases)} cases and ended with {node.returncode}")
    said = {"1": True, "0": False, "-": None}
    columns = {name: [said[verdict[n]] for verdict in verdicts] for n, name in enumerate(NODE)}
    if first != "library":
        del columns[NODE[2]]
    return columns


def _line(case: Case) -> str:
    fields = {
        "id": case.message_id,
        "stamp": case.stamp,
        "signature": case.signature,
        "body": base64.b64encode(case.body).decode(),
        "secret": case.secret,
        "public": case.public,
    }
    return json.dumps(fields) + "\n"


async def install(folder: Path) -> str | None:
    """Has npm install its library into `folder`; None when it did, else why not."""
    program = shutil.which("npm")
    if program is None:
        return "npm is not on this machine"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}\n')
    npm = await asyncio.create_subprocess_exec(
        program,
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--no-save",
        "--fetch-retry-mintimeout=1000",  # by itself it waits for over a minute where there is no network
        "--fetch-retry-maxtimeout=5000",
        LIBRARY,
        cwd=folder,
        env={**os.environ, "npm_config_update_notifier": "false"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(NPM_S):
            _, said = await npm.communicate()
    except TimeoutError:
        npm.kill()
        await npm.wait()
        return f"npm did not end within {NPM_S:g} s"
    if npm.returncode == 0:
        return None
    return f"npm ended with {npm.returncode}: {said.decode(errors='replace').strip().splitlines()[:1]}"
