"""What can be done with what: the operations of every resource, each said once."""

import os
from dataclasses import replace
from datetime import datetime
from typing import Literal

from libs.rest import keys
from libs.rest.accounts import (
    AccountAnswer,
    AccountChange,
    AccountHealth,
    AccountNew,
    AccountProfile,
    AccountsQuery,
    AccountVideo,
    ConnectAnswer,
    ConnectNew,
    DisconnectAnswer,
    DisconnectNew,
    ExchangeNew,
    ReconnectAnswer,
    ReconnectNew,
    VideosQuery,
)
from libs.rest.apps import AppAnswer, AppChange, AppNew, AppsQuery
from libs.rest.audit import AuditAnswer, AuditQuery
from libs.rest.batches import BatchesQuery, BatchProgress
from libs.rest.capabilities import CapabilitiesAnswer
from libs.rest.client.operation import (
    R,
    Resource,
    acting,
    asking,
    changing,
    getting,
    listing,
    listing_of,
    making,
    operation,
    paging,
    removing,
)
from libs.rest.client.request import Progress, Request, at, content_of
from libs.rest.consumers import ConsumerAnswer, ConsumerNew, ConsumersQuery, Removed
from libs.rest.customers import CustomerAnswer, CustomerChange, CustomerDetail, CustomerNew, CustomersQuery
from libs.rest.deliveries import AttemptsQuery, DeliveriesQuery, DeliveryAnswer, DeliveryDetail, FoundAttempt
from libs.rest.endpoints import (
    EndpointAnswer,
    EndpointChange,
    EndpointCreated,
    EndpointNew,
    EndpointsQuery,
    PublicKeys,
    Rotation,
    TestAccepted,
)
from libs.rest.events import EventAnswer, EventsQuery, Feed
from libs.rest.groups import GroupAnswer, GroupChange, GroupNew, GroupsQuery
from libs.rest.imports import ImportAnswer
from libs.rest.media import MediaAnswer, MediaByUrl, MediaQuery, UploadAddress, UploadNew
from libs.rest.posts import AccountCreator
from libs.rest.replays import DryRun, ReplayAnswer, ReplayNew, ReplaysQuery
from libs.rest.stats import AccountSnapshot, StatsQuery


class Customers(Resource[R]):
    create = making("/v1/customers", CustomerNew, CustomerAnswer)
    get = getting("/v1/customers/{}", CustomerDetail)
    page = paging("/v1/customers", CustomersQuery, CustomerAnswer)
    list = listing("/v1/customers", CustomersQuery, CustomerAnswer)
    change = changing("/v1/customers/{}", CustomerChange, CustomerDetail, method="PATCH")


class Apps(Resource[R]):
    create = making("/v1/apps", AppNew, AppAnswer)
    get = getting("/v1/apps/{}", AppAnswer)
    page = paging("/v1/apps", AppsQuery, AppAnswer)
    list = listing("/v1/apps", AppsQuery, AppAnswer)
    change = changing("/v1/apps/{}", AppChange, AppAnswer, method="PATCH")


class Groups(Resource[R]):
    create = making("/v1/groups", GroupNew, GroupAnswer)
    get = getting("/v1/groups/{}", GroupAnswer)
    page = paging("/v1/groups", GroupsQuery, GroupAnswer)
    list = listing("/v1/groups", GroupsQuery, GroupAnswer)
    rename = changing("/v1/groups/{}", GroupChange, GroupAnswer, method="PATCH")
    delete = removing("/v1/groups/{}", GroupAnswer)


class Accounts(Resource[R]):
    connect = making("/v1/accounts/connect", ConnectNew, ConnectAnswer)
    reconnect = changing("/v1/accounts/{}/reconnect", ReconnectNew, ReconnectAnswer)
    exchange = making("/v1/accounts/exchange", ExchangeNew, AccountAnswer)
    create = making("/v1/accounts", AccountNew, AccountAnswer)
    get = getting("/v1/accounts/{}", AccountAnswer)
    page = paging("/v1/accounts", AccountsQuery, AccountAnswer)
    list = listing("/v1/accounts", AccountsQuery, AccountAnswer)
    health = getting("/v1/accounts/{}/health", AccountHealth)
    profile = getting("/v1/accounts/{}/profile", AccountProfile)
    creator = getting("/v1/accounts/{}/creator", AccountCreator)
    stats = listing_of("/v1/accounts/{}/stats", StatsQuery, AccountSnapshot)
    videos = listing_of("/v1/accounts/{}/videos", VideosQuery, AccountVideo)
    change = changing("/v1/accounts/{}", AccountChange, AccountAnswer, method="PATCH")
    disconnect = changing("/v1/accounts/{}/disconnect", DisconnectNew, DisconnectAnswer)


def _upload(
    file: str | os.PathLike[str] | bytes, *, customer_id: str | None = None, progress: Progress | None = None
) -> Request[MediaAnswer]:
    """POST /v1/media

    Sends a file by its path, streamed, or bytes. `progress` is called with the bytes sent and the bytes in all.
    """
    content = content_of(file, progress)
    return Request("POST", "/v1/media", MediaAnswer, query={"customer_id": customer_id}, content=content)


def _import(
    file: str | os.PathLike[str] | bytes, *, dry_run: bool = False, customer_id: str | None = None
) -> Request[ImportAnswer]:
    """POST /v1/imports

    Sends a CSV file of posts by its path, or its bytes. Rows it has made before are found, not made again.
    """
    content = replace(content_of(file), type="text/csv")
    query = {"dry_run": dry_run, "customer_id": customer_id}
    return Request("POST", "/v1/imports", ImportAnswer, query=query, content=content)


class Imports(Resource[R]):
    create = operation(_import)


class Media(Resource[R]):
    upload = operation(_upload)
    by_url = making("/v1/media", MediaByUrl, MediaAnswer)
    address = making("/v1/media/uploads", UploadNew, UploadAddress)
    complete = acting("/v1/media/{}/complete", MediaAnswer)
    get = getting("/v1/media/{}", MediaAnswer)
    page = paging("/v1/media", MediaQuery, MediaAnswer)
    list = listing("/v1/media", MediaQuery, MediaAnswer)
    delete = removing("/v1/media/{}", MediaAnswer)


class Batches(Resource[R]):
    """What `posts.create_batch` makes."""

    get = getting("/v1/batches/{}", BatchProgress)
    page = paging("/v1/batches", BatchesQuery, BatchProgress)
    list = listing("/v1/batches", BatchesQuery, BatchProgress)


class Endpoints(Resource[R]):
    create = making("/v1/endpoints", EndpointNew, EndpointCreated)
    get = getting("/v1/endpoints/{}", EndpointAnswer)
    page = paging("/v1/endpoints", EndpointsQuery, EndpointAnswer)
    list = listing("/v1/endpoints", EndpointsQuery, EndpointAnswer)
    change = changing("/v1/endpoints/{}", EndpointChange, EndpointAnswer, method="PATCH")
    rotate = changing("/v1/endpoints/{}/rotate", Rotation, EndpointCreated)
    delete = removing("/v1/endpoints/{}", EndpointAnswer)
    enable = acting("/v1/endpoints/{}/enable", EndpointAnswer)
    disable = acting("/v1/endpoints/{}/disable", EndpointAnswer)
    test = acting("/v1/endpoints/{}/test", TestAccepted)
    public_keys = getting("/v1/endpoints/{}/public-keys", PublicKeys)


class Deliveries(Resource[R]):
    get = getting("/v1/deliveries/{}", DeliveryDetail)
    page = paging("/v1/deliveries", DeliveriesQuery, DeliveryAnswer)
    list = listing("/v1/deliveries", DeliveriesQuery, DeliveryAnswer)
    redeliver = acting("/v1/deliveries/{}/redeliver", DeliveryDetail)


class Attempts(Resource[R]):
    page = paging("/v1/attempts", AttemptsQuery, FoundAttempt)
    list = listing("/v1/attempts", AttemptsQuery, FoundAttempt)


class Replays(Resource[R]):
    create = making("/v1/replays", ReplayNew, ReplayAnswer, without="dry_run")
    count = making("/v1/replays", ReplayNew, DryRun, fixed={"dry_run": True})
    get = getting("/v1/replays/{}", ReplayAnswer)
    page = paging("/v1/replays", ReplaysQuery, ReplayAnswer)
    list = listing("/v1/replays", ReplaysQuery, ReplayAnswer)
    pause = acting("/v1/replays/{}/pause", ReplayAnswer)
    resume = acting("/v1/replays/{}/resume", ReplayAnswer)
    cancel = acting("/v1/replays/{}/cancel", ReplayAnswer)


class Events(Resource[R]):
    get = getting("/v1/events/{}", EventAnswer)
    list = listing("/v1/events", EventsQuery, EventAnswer, answer=Feed)
    read = asking("/v1/events", EventsQuery, Feed)


def _read(name: str, /, *, limit: int = 100, customer_id: str | None = None) -> Request[Feed]:
    """GET /v1/consumers/{name}/events

    The oldest events that are not acknowledged; work them, then acknowledge `next_cursor`.
    """
    query = {"limit": limit, "customer_id": customer_id}
    return Request("GET", at("/v1/consumers/{}/events", name), Feed, query=query)


def _acknowledge(name: str, /, *, cursor: str, customer_id: str | None = None) -> Request[ConsumerAnswer]:
    """POST /v1/consumers/{name}/acknowledge

    Everything up to the cursor is done with.
    """
    path, body = at("/v1/consumers/{}/acknowledge", name), {"cursor": cursor}
    return Request("POST", path, ConsumerAnswer, query={"customer_id": customer_id}, body=body)


def _seek(
    name: str,
    /,
    *,
    cursor: str | None = None,
    time: datetime | None = None,
    to: Literal["now", "beginning"] | None = None,
    customer_id: str | None = None,
) -> Request[ConsumerAnswer]:
    """POST /v1/consumers/{name}/seek

    Goes on from exactly one of: a cursor of the feed, a time, one of the ends.
    """
    places = {"cursor": cursor, "time": time, "to": to}
    body = {where: place for where, place in places.items() if place is not None}
    path = at("/v1/consumers/{}/seek", name)
    return Request("POST", path, ConsumerAnswer, query={"customer_id": customer_id}, body=body)


def _consumer(name: str, /, *, customer_id: str | None = None) -> Request[ConsumerAnswer]:
    """GET /v1/consumers/{name}"""
    return Request("GET", at("/v1/consumers/{}", name), ConsumerAnswer, query={"customer_id": customer_id})


def _remove(name: str, /, *, customer_id: str | None = None) -> Request[Removed]:
    """DELETE /v1/consumers/{name}: the place is forgotten, the events stay."""
    return Request("DELETE", at("/v1/consumers/{}", name), Removed, query={"customer_id": customer_id})


class Consumers(Resource[R]):
    create = making("/v1/consumers", ConsumerNew, ConsumerAnswer)
    get = operation(_consumer)
    page = paging("/v1/consumers", ConsumersQuery, ConsumerAnswer)
    list = listing("/v1/consumers", ConsumersQuery, ConsumerAnswer)
    read = operation(_read)
    acknowledge = operation(_acknowledge)
    seek = operation(_seek)
    remove = operation(_remove)


class Keys(Resource[R]):
    create = making("/v1/keys", keys.KeyNew, keys.KeyCreated)
    get = getting("/v1/keys/{}", keys.KeyAnswer)
    page = paging("/v1/keys", keys.KeysQuery, keys.KeyAnswer)
    list = listing("/v1/keys", keys.KeysQuery, keys.KeyAnswer)
    change = changing("/v1/keys/{}", keys.KeyChange, keys.KeyAnswer, method="PATCH")
    rotate = changing("/v1/keys/{}/rotate", keys.KeyRotate, keys.KeyCreated)
    revoke = acting("/v1/keys/{}/revoke", keys.KeyAnswer)


class Audit(Resource[R]):
    get = getting("/v1/audit/{}", AuditAnswer)
    page = paging("/v1/audit", AuditQuery, AuditAnswer)
    list = listing("/v1/audit", AuditQuery, AuditAnswer)


def _capabilities() -> Request[CapabilitiesAnswer]:
    """GET /v1/capabilities"""
    return Request("GET", "/v1/capabilities", CapabilitiesAnswer)


class Capabilities(Resource[R]):
    get = operation(_capabilities)
