"""`clipwire doctor` over a real deployment: nothing to say when all is well, and each planted fault by its name."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from deploy.house import House, Places
from deploy.keepsake import Keepsake
from libs.runtime.clock import ManualClock, SystemClock
from libs.runtime.settings import load
from libs.store.vault import new_key
from services.cli.app import app
from services.cli.doctor.backing import broker, database
from services.cli.doctor.disk import disk
from services.cli.doctor.examine import examine
from services.cli.doctor.finding import Finding, Verdict
from services.cli.doctor.outside import public, running
from services.cli.doctor.settings import DeploymentSettings, judged
from services.cli.doctor.tiktok import tiktok
from tests.databases import Databases

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[3]
NOBODY = "127.0.0.1:9"
"""The discard port: on a machine of today nobody listens there."""


NO_RABBITMQ = "RABBITMQ_URL is not set: no job queue, no relay of events; alarms in the database do all other work"


@dataclass(frozen=True)
class Deployment:
    """A healthy one; `with_` is the same with a fault planted in its settings."""

    environ: dict[str, str]

    def with_(self, **changed: str) -> DeploymentSettings:
        return load(DeploymentSettings, self.environ | changed)


@pytest.fixture(scope="module")
def doctor_database_url(databases: Databases, template_database: str) -> Iterator[str]:
    name = databases.create()
    yield databases.url(name)
    databases.drop(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deployment(doctor_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    folder = tmp_path_factory.mktemp("deployment")
    free = {f"{name}_PORT": "0" for name in ("API", "INGEST", "PUBLISHER", "NOTIFIER", "SIMULATOR")}
    given = free | {"TIKTOK_SITE_VERIFICATION": "Proof1", "TIKTOK_AUDITED": "true", "MEDIA_MAX_BYTES": "1000000"}
    places = Places(
        database_url=doctor_database_url, folder=folder, keepsake=Keepsake.of(folder), environ=given
    )  # fmt: skip
    async with House(places) as house:
        ports = {f"{name.upper()}_PORT": house.urls[name].rpartition(":")[2] for name in house.urls}
        yield Deployment(house.environ | ports)


async def faults(findings: AsyncIterator[Finding]) -> list[Finding]:
    return [finding async for finding in findings if finding.is_fault]


async def test_a_healthy_deployment_has_no_fault_and_one_warning(deployment: Deployment) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | deployment.environ

    found = [f async for f in examine(environ, clock=SystemClock(), programs=["api"])]

    # Without RabbitMQ there is something to know, and nothing to mend.
    assert [(f.check, f.text) for f in found if f.verdict is not Verdict.OK] == [("rabbitmq", NO_RABBITMQ)]
    assert {f.check for f in found} >= {
        "settings of api", "database", "clock", "tiktok app", "tiktok mode", "public url",
        "site verification", "media", "program api",
    }  # fmt: skip
    shown = " ".join(f"{f.text} {f.remedy}" for f in found)
    secrets = (deployment.environ["TIKTOK_CLIENT_SECRET"], deployment.environ["OPERATOR_KEY"])
    assert not any(secret in shown for secret in secrets)


async def test_programs_name_each_setting_that_is_missing_or_malformed(deployment: Deployment) -> None:
    bad = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | deployment.environ
    bad |= {"INGEST_PORT": "eighty", "TIKTOK_CLIENT_SECRET": ""}

    [found] = await faults(judged(bad, programs=["ingest"]))

    assert found.check == "settings of ingest"
    assert "INGEST_PORT" in found.text and "TIKTOK_CLIENT_SECRET" in found.text and ".env.example" in found.remedy


async def test_settings_that_cannot_be_read_are_a_fault_and_the_rest_is_left(deployment: Deployment) -> None:
    found = [f async for f in examine(deployment.environ | {"NOTIFIER_PORT": "x"}, clock=SystemClock(), programs=())]

    assert [f.check for f in found] == ["settings"] and "NOTIFIER_PORT" in found[-1].text


async def test_a_database_that_is_away(deployment: Deployment) -> None:
    settings = deployment.with_(DATABASE_URL=f"postgresql://me:hush@{NOBODY}/clipwire")

    [fault] = await faults(database(settings, clock=SystemClock()))

    assert fault.check == "database" and "does not answer" in fault.text and "PostgreSQL" in fault.remedy
    assert "hush" not in fault.text


async def test_a_schema_that_is_not_this_versions(deployment: Deployment, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("delete from migrations where n = (select max(n) from migrations)")
    await connection.close()

    [fault] = await faults(database(deployment.with_(DATABASE_URL=database_url), clock=SystemClock()))

    assert fault.check == "database" and "make migrate" in fault.remedy


async def test_an_encryption_key_that_was_taken_out(deployment: Deployment) -> None:
    settings = deployment.with_(CLIPWIRE_ENCRYPTION_KEYS=new_key())

    [fault] = await faults(database(settings, clock=SystemClock()))

    assert fault.check == "encryption keys" and "CLIPWIRE_ENCRYPTION_KEYS" in fault.remedy


async def test_a_clock_that_is_off(deployment: Deployment) -> None:
    ahead = ManualClock(SystemClock().now() + timedelta(minutes=3))

    [fault] = await faults(database(deployment.with_(), clock=ahead))

    assert fault.check == "clock" and "chrony" in fault.remedy


async def test_a_rabbitmq_that_is_away(deployment: Deployment) -> None:
    fault = await broker(deployment.with_(RABBITMQ_URL=f"amqp://me:hush@{NOBODY}/"), within=0.2)

    assert fault.is_fault and "RABBITMQ_URL" in fault.remedy and "hush" not in fault.text


async def test_a_rabbitmq_that_answers(deployment: Deployment, rabbitmq_url: str, rabbitmq_prefix: str) -> None:
    found = await broker(deployment.with_(RABBITMQ_URL=rabbitmq_url, RABBITMQ_PREFIX=rabbitmq_prefix))

    assert found.verdict is Verdict.OK


async def test_a_tiktok_that_cannot_be_reached(deployment: Deployment) -> None:
    [fault] = await faults(tiktok(deployment.with_(TIKTOK_API_URL=f"http://{NOBODY}")))

    assert fault.check == "tiktok" and "firewall" in fault.remedy


async def test_one_of_two_live_secrets_that_tiktok_refuses(deployment: Deployment) -> None:
    good = deployment.environ["TIKTOK_CLIENT_SECRET"]

    [fault] = await faults(tiktok(deployment.with_(TIKTOK_CLIENT_SECRET=f"{good},stale")))

    assert fault.check == "tiktok app" and "secret no. 2" in fault.text and "TIKTOK_CLIENT_SECRET" in fault.remedy


async def test_an_app_that_is_not_audited_is_a_limit_to_know_of(deployment: Deployment) -> None:
    found = [finding async for finding in tiktok(deployment.with_(TIKTOK_AUDITED="false"))]

    assert (found[-1].check, found[-1].verdict) == ("tiktok mode", Verdict.WARNING)
    assert "SELF_ONLY" in found[-1].text and "audit" in found[-1].remedy


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"http://{NOBODY}", "does not answer"),
        ("http://clipwire.example.com", "is not https"),
        ("{simulator}", "somebody else answers"),
        ("https://clipwire.example.com:99999", "is no URL"),
    ],
)
async def test_a_public_url_that_does_not_lead_here(deployment: Deployment, url: str, said: str) -> None:
    url = url.format(simulator=deployment.environ["TIKTOK_API_URL"])

    [fault] = await faults(public(deployment.with_(PUBLIC_URL=url)))

    assert fault.check == "public url" and said in fault.text and fault.remedy


async def test_a_signature_file_that_is_not_served(deployment: Deployment) -> None:
    [fault] = await faults(public(deployment.with_(TIKTOK_SITE_VERIFICATION="Proof1,Proof2")))

    assert fault.check == "site verification" and "Proof2" in fault.text and "portal" in fault.remedy


async def test_a_media_folder_that_may_not_be_made(deployment: Deployment, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    fault = await disk(deployment.with_(MEDIA_URL=(tmp_path / "file" / "media").as_uri()))

    assert fault.is_fault and "MEDIA_URL" in fault.remedy


async def test_a_disk_that_is_full(deployment: Deployment, tmp_path: Path) -> None:
    fault = await disk(deployment.with_(MEDIA_URL=f"{tmp_path.as_uri()}?keep_free_bytes={2**62}"))

    assert fault.is_fault and "full" in fault.text and "MEDIA_KEEP_USED_DAYS" in fault.remedy


async def test_a_disk_with_less_room_than_one_file_may_need(deployment: Deployment) -> None:
    found = await disk(deployment.with_(MEDIA_MAX_BYTES=str(2**62)))

    assert found.verdict is Verdict.WARNING


async def test_the_command_says_each_fault_with_its_remedy_and_ends_with_1(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    told = deployment.environ | {"TIKTOK_CLIENT_SECRET": "stale", "PUBLIC_URL": f"http://{NOBODY}", "OPERATOR_KEY": "x"}

    done = await asyncio.to_thread(CliRunner().invoke, app, ["doctor", "--json"], env=told)

    assert done.exit_code == 1, done.output
    said = json.loads(done.stdout)
    found = {each["check"]: each for each in said["data"] if each["verdict"] == "fault"}
    assert set(found) == {"settings of api", "tiktok app", "public url"} and said["faults"] == 3
    assert all(each["remedy"] for each in found.values())
    assert "stale" not in done.output and deployment.environ["CLIPWIRE_ENCRYPTION_KEYS"] not in done.output


async def test_beside_a_make_run_it_looks_at_that_and_finds_it_well(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deeper").mkdir()
    (tmp_path / ".clipwire").mkdir()
    card = {name: f"http://127.0.0.1:{deployment.environ[f'{name.upper()}_PORT']}" for name in ("api", "ingest")}
    told = {"simulator": f"http://{NOBODY}", "operator_key": "cw_hush", "rabbitmq_url": "amqp://me:hush@127.0.0.1/"}
    (tmp_path / ".clipwire" / "local.json").write_text(json.dumps(card | told))
    monkeypatch.chdir(tmp_path / "deeper")

    done = await asyncio.to_thread(CliRunner().invoke, app, ["doctor", "--json"], env={"DATABASE_URL": ""})

    found = {each["check"]: each for each in json.loads(done.stdout)["data"]}
    assert [found[f"program {name}"]["verdict"] for name in ("api", "ingest", "simulator")] == ["ok", "ok", "warning"]
    assert found.keys() >= {"house", "rabbitmq", "disk"} and done.exit_code == 0, done.output
    assert "hush" not in done.output


async def test_a_program_that_is_down_and_a_port_that_is_anothers(deployment: Deployment) -> None:
    taken = deployment.environ["SIMULATOR_PORT"]

    found = {f.check: f for f in await running(deployment.with_(INGEST_PORT="9", NOTIFIER_PORT=taken))}

    assert found["program api"].verdict is Verdict.OK
    assert found["program ingest"].verdict is Verdict.WARNING and "services.ingest" in found["program ingest"].remedy
    assert found["program notifier"].is_fault and "NOTIFIER_PORT" in found["program notifier"].remedy
