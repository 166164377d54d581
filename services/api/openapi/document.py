"""The whole OpenAPI document."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from pydantic import BaseModel

from libs.rest.code import Code
from libs.rest.endpoints import PublicKeys
from libs.rest.problem import ProblemAnswer
from services.api.doc.shape import Upload
from services.api.openapi import header
from services.api.openapi.keyless import KEYLESS, operations
from services.api.openapi.operation import name_of, operation, tag_of
from services.api.openapi.schema import Schemas, parts
from services.api.route import Route

VERSION: Final = "1.0.0"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ABOUT: Final = """Publish to TikTok for many customers, and hear what became of it.

**Keys.** Every request but a few names an API key: `Authorization: Bearer cw_…`. A key has grants, per capability
`off`, `read` or `full`, for everything or for single accounts; what is not granted is denied. A customer's key sees
that customer's things only, and what it may not see is `not_found`.

**Problems.** Whatever is refused or fails is `application/problem+json` with a stable `code` to program by, `detail`
and `remedy` for people, and `errors` that name each wrong field. `retryable` says that the same request may succeed
later. Every answer has an `X-Request-Id`, which may be given; tell it to the operator when something is wrong.

**Writes** take an `Idempotency-Key`: the same request again within a day is answered the same and does nothing more.

**Lists** come in pages, newest first: `next_cursor` of one page is `cursor` of the next, null on the last one.

**Rates.** A key may send so many requests a minute; `RateLimit` and `RateLimit-Policy` say how many are left, and
whoever asks too often gets 429 with `Retry-After`.

**Times** are ISO 8601 with an offset, answered in UTC. **Ids** have prefixes and sort by birth. TikTok's own ids are
texts, because they exceed what JavaScript's numbers hold. Unknown fields are refused in requests; in answers, pass over
fields that you do not know: new ones may come."""
TAGS: Final[dict[str, str]] = {
    "customers": "Whom the operator posts for.",
    "apps": "Customers' own TikTok apps, besides the operator's.",
    "accounts": "A creator's TikTok account, connected to a customer.",
    "groups": "A place for one account, such as a brand.",
    "media": "Files that are kept to be posted.",
    "posts": "What goes out, and what became of it.",
    "imports": "Posts from a spreadsheet.",
    "endpoints": "Where a customer wants to hear.",
    "events": "Everything that happened, as a feed.",
    "consumers": "Durable places in the feed, for those without a public URL.",
    "deliveries": "One event on its way to one endpoint.",
    "attempts": "Every try of every delivery.",
    "replays": "Many deliveries sent again.",
    "keys": "Who may do what.",
    "batches": "Posts of one request, together.",
    "audit": "Who did what, and whether it was allowed.",
    "capabilities": "What TikTok lets an app do.",
    "contracts": "What this is written in, for machines and for people. Needs no key.",
    "for TikTok": "What TikTok and creators' browsers open. Needs no key.",
    "probes": "For whoever runs it. Needs no key.",
    "not possible": "What TikTok lets no app do: asked for here, it is explained.",
}


def openapi(routes: Sequence[Route]) -> dict[str, Any]:
    """The document of these routes, and of what needs no key."""
    schemas = Schemas(asked=_asked(routes), answered=_answered(routes))
    refusals: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        made = operation(route, schemas=schemas, refusals=refusals)
        paths.setdefault(route.path, {})[route.method.lower()] = made
    for route in routes:
        if (links := _links(route, routes)) and "201" in (answers := paths[route.path]["post"]["responses"]):
            answers["201"]["links"] = links
    for one in KEYLESS:
        paths.setdefault(one.path, {}).update(operations(one, refusals=refusals))
    used = [method["tags"][0] for path in paths.values() for method in path.values()]
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "Clipwire",
            "version": VERSION,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "where this document is"}],
        "security": [{"key": []}],
        "tags": _tags(used),
        "paths": {path: dict(sorted(paths[path].items(), key=_by_use)) for path in sorted(paths)},
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key, `cw_…`."},
            },
            "parameters": {header.IDEMPOTENCY_KEY["name"]: header.IDEMPOTENCY_KEY},
            "headers": header.HEADERS,
            "responses": dict(sorted(refusals.items())),
            "schemas": _with_codes(schemas.components),
        },
    }


def _by_use(method: tuple[str, Any]) -> int:
    return ("post", "get", "head", "put", "patch", "delete").index(method[0])


def _with_codes(schemas: dict[str, Any]) -> dict[str, Any]:
    """With every code there is. It is a list to read: who programs by one passes over those it does not know."""
    about = "\n".join(f"- `{code}`: {code.meaning}" for code in sorted(Code))
    codes = {
        "type": "string",
        "enum": sorted(str(code) for code in Code),
        "description": f"New ones may come.\n\n{about}",
    }
    problem = schemas["ProblemAnswer"]
    named = problem | {"properties": problem["properties"] | {"code": {"$ref": "#/components/schemas/Code"}}}
    return schemas | {"Code": codes, "ProblemAnswer": named}


def _asked(routes: Iterable[Route]) -> list[type[BaseModel]]:
    bodies = [route.doc.body for route in routes]
    whole = [body.or_json if isinstance(body, Upload) else body for body in bodies]
    return [model for model in whole if model is not None]


def _answered(routes: Iterable[Route]) -> list[type[BaseModel]]:
    every = [part for route in routes for answer in route.doc.answers.values() for part in parts(answer)]
    return [*every, PublicKeys, ProblemAnswer]


def _tags(used: Iterable[str]) -> list[dict[str, str]]:
    """In the order of the page; a tag that nobody has described comes last, by its name."""
    names = [name for name in TAGS if name in set(used)] + sorted(set(used) - set(TAGS))
    return [{"name": name} | ({"description": TAGS[name]} if name in TAGS else {}) for name in names]


def _links(route: Route, routes: Iterable[Route]) -> dict[str, Any]:
    """From what is made to what may be done with it."""
    if route.method != "POST" or "{" in route.path:
        return {}
    made = {}
    for other in routes:
        found = re.fullmatch(re.escape(route.path) + r"/{(\w+)}(/\w+)*", other.path)
        if found and tag_of(other) == tag_of(route):
            where = {found[1]: f"$response.body#/{found[1]}"}
            made[name_of(other)] = {"operationId": name_of(other), "parameters": where}
    return made
