"""What an operation is called, and the sentence that tells of it."""

from datetime import UTC, datetime

import pytest

from libs.model.audit import Decision, Entry, action_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "/v1/endpoints", "endpoints.create"),
        ("PATCH", "/v1/endpoints/{id}", "endpoints.change"),
        ("DELETE", "/v1/groups/{id}", "groups.delete"),
        ("POST", "/v1/endpoints/{id}/enable", "endpoints.enable"),
        ("POST", "/v1/accounts/connect", "accounts.connect"),
        ("GET", "/v1/posts/{id}/timeline", "posts.timeline.read"),
    ],
)
def test_an_operation_is_called_by_what_it_does(method: str, path: str, name: str) -> None:
    assert action_of(method, path) == name


@pytest.mark.row("BO-66")
@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (201, "", 'The key "ci" did endpoints.create end_1 of cus_1.'),
        (403, "forbidden", 'The key "ci" was refused endpoints.create end_1 of cus_1: forbidden.'),
        (
            503,
            "store_unavailable",
            'The key "ci" tried endpoints.create end_1 of cus_1, and it failed: store_unavailable.',
        ),
    ],
)
def test_an_entry_is_a_sentence(status: int, code: str, sentence: str) -> None:
    detail = {"code": code} if code else {}
    entry = Entry(
        "aud_1",
        NOW,
        "cus_1",
        "key_1",
        'The key "ci"',
        "endpoints.create",
        "end_1",
        Decision.of(status),
        "req_1",
        detail,
    )

    assert entry.sentence == sentence
