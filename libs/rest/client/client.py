"""The two clients customers use: the same operations, returned by one and awaited by the other."""

import time
from dataclasses import replace
from types import TracebackType
from typing import Generic, Self

import httpx

from libs.rest.client import resources
from libs.rest.client.blocking import BlockingRunner
from libs.rest.client.call import Means, Options
from libs.rest.client.concurrent import ConcurrentRunner
from libs.rest.client.operation import R
from libs.rest.client.posts import Posts
from libs.rest.client.retry import Budget, Retries
from libs.rest.client.wire import address, behind_proxy, has_certificate, headers


class Resources(Generic[R]):
    """Everything there is to ask for."""

    def __init__(self, runner: R) -> None:
        self.accounts = resources.Accounts(runner)
        self.apps = resources.Apps(runner)
        self.attempts = resources.Attempts(runner)
        self.audit = resources.Audit(runner)
        self.batches = resources.Batches(runner)
        self.capabilities = resources.Capabilities(runner)
        self.consumers = resources.Consumers(runner)
        self.customers = resources.Customers(runner)
        self.deliveries = resources.Deliveries(runner)
        self.endpoints = resources.Endpoints(runner)
        self.events = resources.Events(runner)
        self.groups = resources.Groups(runner)
        self.imports = resources.Imports(runner)
        self.keys = resources.Keys(runner)
        self.media = resources.Media(runner)
        self.posts = Posts(runner)
        self.replays = resources.Replays(runner)


class Clipwire(Resources[BlockingRunner]):
    """The REST API, for one key. Safe to share between threads; close it, or use it in `with`.

    `timeout` is seconds for a whole call, its tries and waits included (None: a minute, six hours for an upload).
    `transport` takes the place of the network, in tests.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float | None = None,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        options = Options(timeout, retries or Retries())
        http = httpx.Client(
            base_url=address(url),
            headers=headers(key),
            transport=transport,
            trust_env=behind_proxy(url),
            verify=has_certificate(url),
        )
        super().__init__(BlockingRunner(http, Means(options, Budget(), time.monotonic)))
        self._http = http

    def with_options(
        self, *, timeout: float | None = None, retries: Retries | None = None, idempotency_key: str | None = None
    ) -> Resources[BlockingRunner]:
        """The same client for calls that are made otherwise. `idempotency_key` is for one write."""
        runner = self.posts.runner
        return Resources(BlockingRunner(runner.http, _other(runner.means, timeout, retries, idempotency_key)))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Clipwire({str(self._http.base_url)!r}, 'cw_…')"


class AsyncClipwire(Resources[ConcurrentRunner]):
    """The REST API, for one key, on an event loop; see `Clipwire`, of which every call is awaited here."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float | None = None,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        options = Options(timeout, retries or Retries())
        http = httpx.AsyncClient(
            base_url=address(url),
            headers=headers(key),
            transport=transport,
            trust_env=behind_proxy(url),
            verify=has_certificate(url),
        )
        super().__init__(ConcurrentRunner(http, Means(options, Budget(), time.monotonic)))
        self._http = http

    def with_options(
        self, *, timeout: float | None = None, retries: Retries | None = None, idempotency_key: str | None = None
    ) -> Resources[ConcurrentRunner]:
        """The same client for calls that are made otherwise. `idempotency_key` is for one write."""
        runner = self.posts.runner
        return Resources(ConcurrentRunner(runner.http, _other(runner.means, timeout, retries, idempotency_key)))

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncClipwire({str(self._http.base_url)!r}, 'cw_…')"


def _other(means: Means, timeout: float | None, retries: Retries | None, idempotency_key: str | None) -> Means:
    was = means.options
    options = Options(
        was.timeout if timeout is None else timeout, was.retries if retries is None else retries, idempotency_key
    )
    return replace(means, options=options)
