import os
import subprocess
from pathlib import Path

import pytest

from deploy.backing import may_fetch
from deploy.debian import cache_folder, program, without
from deploy.errors import Unsupported
from deploy.rabbitmq import PrivateRabbit, RabbitProgram


@pytest.mark.parametrize(
    ("environ", "root", "in_container", "allowed"),
    [
        ({}, True, True, True),
        ({}, True, False, False),
        ({}, False, True, False),
        ({"CI": "true"}, False, False, True),
        ({"CI": "True"}, False, False, True),
        ({"CI": "false"}, False, False, False),
        ({"CI": ""}, False, False, False),
        ({"CLIPWIRE_TEST_INSTALL": "1"}, False, False, True),
        ({"CLIPWIRE_TEST_INSTALL": "0"}, False, False, False),
    ],
)
def test_packages_are_fetched_only_with_leave(
    environ: dict[str, str], root: bool, in_container: bool, allowed: bool
) -> None:
    assert may_fetch(environ, root=root, in_container=in_container) is allowed


def test_the_cache_folder_is_made_for_this_user_alone(tmp_path: Path) -> None:
    folder = cache_folder({"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)})

    assert folder == tmp_path / "cache" / "clipwire"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_cache_folder_with_white_space_is_passed_over(tmp_path: Path) -> None:
    spaced = tmp_path / "my cache"

    assert cache_folder({"XDG_CACHE_HOME": str(spaced), "HOME": str(tmp_path)}) == tmp_path / ".cache" / "clipwire"
    assert not spaced.exists()


def test_a_cache_folder_others_may_write_to_is_passed_over(tmp_path: Path) -> None:
    shared = tmp_path / "clipwire"
    shared.mkdir()
    shared.chmod(0o777)

    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}) == tmp_path / ".cache" / "clipwire"


def test_apt_is_told_that_only_what_it_shall_fetch_whole_is_absent() -> None:
    status = (
        "Package: erlang-base\nVersion: 1\n\nPackage: libc6\nDescription: erlang\n\nPackage: rabbitmq-server\nV: 2\n"
    )

    assert without(("erlang", "rabbitmq"), status) == "Package: libc6\nDescription: erlang"


def test_the_unpacked_erlang_runs_from_where_it_lies(tmp_path: Path) -> None:
    runtime = tmp_path / "usr/lib/erlang/erts-14.0/bin"
    server = tmp_path / "usr/lib/rabbitmq/lib/rabbitmq_server-4.0.5/sbin/rabbitmq-server"
    for file in (runtime / "erlexec", runtime / "epmd", server):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('#!/bin/sh\necho "$ROOTDIR $EMU $@"\n')
        file.chmod(0o755)
    (tmp_path / "usr/lib/aarch64-linux-gnu").mkdir()

    found = program(tmp_path)
    told = subprocess.run(["erl", "-v"], env=dict(found.environment), capture_output=True, text=True, check=True)

    assert told.stdout == f"{tmp_path}/usr/lib/erlang beam -v\n"
    assert found.server == server
    assert found.epmd == runtime / "epmd"
    assert found.environment["LD_LIBRARY_PATH"].split(os.pathsep) == [str(tmp_path / "usr/lib/aarch64-linux-gnu")]


def test_a_folder_without_rabbitmq_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="holds no RabbitMQ"):
        program(tmp_path)


def test_a_node_refuses_to_live_in_a_path_its_scripts_would_break(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="white space"):
        PrivateRabbit(tmp_path / "my node", program=RabbitProgram(server=Path("s"), epmd=Path("e")))
