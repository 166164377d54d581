"""Reading a job: whose it is, its key, and all that is wrong with it; and what its dead letter says."""

from typing import Any

import orjson
import pytest

from libs.model.problem import FieldError, Problem, invalid
from services.publisher.job import BODY_MAX, REASON_MAX, Job, Wrong, read_job, reason_of

CUSTOMER = "cus_00000000000000000000000000"
GOOD = {"customer_id": CUSTOMER, "account_id": "acc_1", "kind": "video", "media": ["https://a.example/v.mp4"],
        "privacy_level": "SELF_ONLY"}  # fmt: skip


def body(**more: Any) -> bytes:
    return orjson.dumps({name: value for name, value in (GOOD | more).items() if value is not ...})


def wrong(raw: bytes, message_id: str | None = "m") -> list[tuple[str, str]]:
    read = read_job(raw, message_id=message_id)
    assert isinstance(read, Wrong)
    return [(error.field, error.code) for error in read.reading.errors]


@pytest.mark.parametrize(("key", "message_id", "known_by"), [("k", "m", "k"), (None, "m", "m"), ("k", None, "k")])
def test_a_job_is_known_by_its_own_key_before_its_message_id(key: str, message_id: str, known_by: str) -> None:
    job = read_job(body(idempotency_key=key), message_id=message_id)

    assert isinstance(job, Job)
    assert (job.customer_id, job.key, job.request.account_id) == (CUSTOMER, known_by, "acc_1")


WRONG: list[tuple[bytes, str | None, list[tuple[str, str]]]] = [
    (b"", "m", [("", "not_json")]),
    (b"[]", "m", [("", "not_an_object")]),
    (b" " * (BODY_MAX + 1), "m", [("", "too_large")]),
    (body(customer_id=...), "m", [("customer_id", "required")]),
    (body(customer_id=7), "m", [("customer_id", "bad_id")]),
    (body(customer_id="acme"), "m", [("customer_id", "bad_id")]),
    (body(), None, [("idempotency_key", "required")]),
    (body(), "", [("idempotency_key", "required")]),
    (body(idempotency_key=""), None, [("idempotency_key", "string_too_short")]),
    (
        body(customer_id=..., kind="film", title="x" * 2201, titel=1), None,
        [("customer_id", "required"), ("idempotency_key", "required"), ("kind", "literal_error"),
         ("titel", "unknown_field"), ("title", "too_long")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "message_id", "errors"), WRONG)
def test_all_that_is_wrong_with_a_job_is_said(
    raw: bytes, message_id: str | None, errors: list[tuple[str, str]]
) -> None:
    assert wrong(raw, message_id) == errors


REASONS = [
    (invalid([FieldError("", "not_json", "The body is not JSON.")]), "invalid_request: The body is not JSON."),
    (
        invalid([FieldError("a", "x", "It is too long.", found="secret"), FieldError("b.0", "x", "It is none.")]),
        "invalid_request: a: It is too long. b.0: It is none.",
    ),
    (Problem("conflict", "T", 409, "Another has it."), "conflict: Another has it."),
    (
        Problem("conflict", "T", 409, "See https://a.example/v?sig=Zm9v1A."),
        "conflict: See https://a.example/v?…",
    ),
]


@pytest.mark.parametrize(("problem", "reason"), REASONS)
def test_a_dead_letter_says_what_is_wrong_and_no_secret(problem: Problem, reason: str) -> None:
    assert reason_of(problem) == reason


def test_a_reason_has_an_end() -> None:
    errors = [FieldError(f"field{n}", "x", "It is wrong, and this takes a while to say.") for n in range(50)]

    assert len(reason_of(invalid(errors))) == REASON_MAX


@pytest.mark.parametrize("raw", [row[0] for row in WRONG])
def test_every_refusal_says_what_is_wrong_in_its_detail(raw: bytes) -> None:
    read = read_job(raw, message_id=None)

    assert isinstance(read, Wrong)
    assert "with: ." not in invalid(read.reading.errors).detail
