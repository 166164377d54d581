"""Imports: a CSV file of posts, one per row. Each row is accepted once, however often the file is sent."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from libs.model.key import Capability
from libs.model.post import Post
from libs.model.post_request import PostRequest
from libs.model.problem import FieldError, Problem, Refusal, invalid
from libs.rest.imports import ImportAnswer, ImportQuery, ImportRow
from libs.rest.posts import AUTOMATIC
from libs.store.intake import known_request
from services.api.body import read_raw, unsupported
from services.api.call import Call, reply
from services.api.doc import imports as doc
from services.api.idempotency import given_key
from services.api.resource.posts import owner_of, take, understood
from services.api.route import Route
from services.api.sheet import Row, column_of, read


async def create(call: Call) -> web.StreamResponse:
    """200: what became of each row. A row that is refused hinders no other.

    A row is known by the `Idempotency-Key` and its number, or without one by what stands in it: so the file can be sent
    again, whole or mended, and makes nothing twice. A row with an `idempotency_key` of its own is known by that.
    """
    query = call.query(ImportQuery)
    if call.request.content_type != "text/csv" or (call.request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise Refusal(unsupported("The body must be CSV in UTF-8.", "Send Content-Type: text/csv."))
    named, rows = given_key(call.request), read(await read_raw(call.request))
    if errors := [row for row in rows if isinstance(row, FieldError)]:
        raise Refusal(invalid(errors))
    if query.customer_id is not None:
        await call.owner(query.customer_id)  # a wrong one is wrong once, not in every row
    found = [row for row in rows if isinstance(row, Row)]
    answers = [await _answer(call, row, query, key=key) for row, key in zip(found, _keys(found, named), strict=True)]
    counts = Counter(answer.outcome for answer in answers)
    if counts["made"]:
        await call.ring("publisher", "notifier")
    return reply(
        ImportAnswer(
            dry_run=query.dry_run,
            total=len(answers),
            made=counts["made"],
            exists=counts["exists"],
            valid=counts["valid"],
            refused=counts["refused"],
            rows=tuple(answers),
        )
    )


def _keys(rows: Sequence[Row], named: str | None) -> list[str]:
    """The idempotency key of each row. Rows that say the same are told apart by their order. A key that a client made
    up for its own tries is another each time, and tells nothing."""
    if named is not None and not named.startswith(AUTOMATIC):
        import_key = hashlib.sha256(named.encode()).hexdigest()[:40]
        return [f"import-{import_key}-{row.n}" for row in rows]
    seen: Counter[str] = Counter()
    keys = []
    for row in rows:
        said = hashlib.sha256(repr(sorted(row.cells)).encode()).hexdigest()[:40]
        seen[said] += 1
        keys.append(f"row-{said}-{seen[said]}")
    return keys


async def _answer(call: Call, row: Row, query: ImportQuery, *, key: str) -> ImportRow:
    try:
        request = await understood(call, _body(row), named=query.customer_id, wrong=row.wrong)
        owner = await owner_of(call, request, named=query.customer_id)
        key = request.idempotency_key or key
        if query.dry_run:
            return await _tried(call, row, request, owner=owner, key=key)
        taken = await take(call, request, owner=owner, key=key)
    except Refusal as refusal:
        return ImportRow(row=row.n, outcome="refused", problem=_located(refusal.problem))
    return _of(row, taken.posts, "made" if taken.created else "exists")


def _body(row: Row) -> dict[str, Any]:
    if row.body is None:
        raise Refusal(invalid(row.wrong))
    return row.body


async def _tried(call: Call, row: Row, request: PostRequest, *, owner: str, key: str) -> ImportRow:
    known = await known_request(
        call.desk.store,
        request,
        customer_id=owner,
        key=key,
        audited=call.desk.settings.tiktok_audited,
        judge=call.desk.judge,
        now=call.now,
    )
    if isinstance(known, Problem):
        raise Refusal(known)
    return _of(row, known, "exists") if known else ImportRow(row=row.n, outcome="valid")


def _of(row: Row, posts: Sequence[Post], outcome: str) -> ImportRow:
    ids = tuple(post.id for post in posts)
    return ImportRow.model_validate(
        {"row": row.n, "outcome": outcome, "post_ids": ids, "batch_id": posts[0].batch_id if posts else None}
    )


def _located(problem: Problem) -> dict[str, object]:
    """The problem, with the column of each of its errors."""
    said = problem.as_dict()
    if "errors" in said:
        said["errors"] = [{**error, "column": column_of(error["field"])} for error in said["errors"]]
    return said


ROUTES = (
    Route(
        "POST",
        "/v1/imports",
        Capability.POSTS,
        create,
        doc=doc.CREATE,
        write=True,
        query=ImportQuery,
        per_account=True,
        own_key=True,
    ),
)
