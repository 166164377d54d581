"""RabbitMQ in a container, when a Docker engine answers. Needs the development requirements (testcontainers)."""

import gc
import time
import warnings
from collections.abc import Callable

from deploy.amqp import LoginFailed, log_in
from deploy.errors import Unsupported

IMAGE = "rabbitmq:4"
_PORT = 5672
_ENGINE_SECONDS = 5
_READY_SECONDS = 120.0


def start_rabbitmq() -> tuple[str, Callable[[], None]]:
    """The URL of a fresh node and what ends it. Raises `Unsupported` with the reason when there can be none.

    Testcontainers' own settings hold: DOCKER_HOST, TESTCONTAINERS_RYUK_DISABLED and so on.
    """
    with warnings.catch_warnings():
        # The libraries deprecate parts of themselves and leave sockets open; our tests turn warnings into errors.
        warnings.simplefilter("ignore")
        try:
            if not _engine_answers():
                raise Unsupported("no Docker engine answers")
            return _start()
        finally:
            gc.collect()


def _engine_answers() -> bool:
    try:
        import docker  # type: ignore[import-untyped]  # the library ships no types
    except ImportError:
        return False
    try:
        engine = docker.from_env(timeout=_ENGINE_SECONDS)
        try:
            return bool(engine.ping())
        finally:
            engine.close()
    except (docker.errors.DockerException, OSError):
        return False


def _start() -> tuple[str, Callable[[], None]]:
    from docker.errors import DockerException  # type: ignore[import-untyped]
    from testcontainers.core.container import DockerContainer

    container = DockerContainer(IMAGE).with_exposed_ports(_PORT)
    try:
        container.start()
        url = f"amqp://guest:guest@{container.get_container_host_ip()}:{container.get_exposed_port(_PORT)}/"
        _await_login(url)
    except (DockerException, OSError, LoginFailed, RuntimeError) as error:
        container.stop()
        raise Unsupported(f"{IMAGE} did not start in Docker: {error}") from error
    return url, container.stop


def _await_login(url: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            return log_in(url)
        except LoginFailed:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.2)
