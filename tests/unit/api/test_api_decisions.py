"""What the api decides without I/O."""

from datetime import UTC, datetime

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from libs.media.errors import ObjectTooLarge, StorageFailed, StorageFull, WorkerLost, WorkersBusy
from libs.model.ids import new_id
from libs.model.key import Capability, Key, Level
from libs.model.problem import Refusal, invalid, not_found
from libs.rest.accounts import AccountAnswer, AccountNew
from libs.rest.events import EventsQuery
from libs.rest.keys import KeyRotate
from libs.rest.shape import Page
from libs.runtime.settings import SettingsError, load
from libs.store.customers import Customer
from libs.store.errors import BadData, Contended, SchemaMismatch, Stale, Unavailable, WrongKey
from libs.store.vault import new_key
from services.api.body import parsed
from services.api.call import tame
from services.api.dialects import ROUTES as DIALECTS
from services.api.door import check_grant
from services.api.page import page
from services.api.problem import problem_of
from services.api.resource import ROUTES as OURS
from services.api.resource.customers import shown
from services.api.settings import ApiSettings

ROUTES = (*OURS, *DIALECTS)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
GOOD = {"DATABASE_URL": "postgresql://x", "CLIPWIRE_ENCRYPTION_KEYS": new_key(), "MEDIA_URL": "file:///m"}


@pytest.mark.parametrize(
    ("error", "status", "code", "retryable"),
    [
        (Refusal(not_found("post", "post_1")), 404, "not_found", False),
        (Refusal(invalid([])), 422, "invalid_request", False),
        (Unavailable("host=db password=hidden"), 503, "store_unavailable", True),
        (Contended("hidden"), 503, "contended", True),
        (Stale("hidden"), 409, "changed_meanwhile", True),
        (BadData("hidden"), 422, "bad_data", False),
        (WrongKey("hidden"), 500, "internal_error", True),
        (SchemaMismatch("hidden"), 500, "internal_error", True),
        (ObjectTooLarge(limit_bytes=7), 413, "too_large", False),
        (StorageFull(free_bytes=1, needed_bytes=2), 507, "media_store_full", True),
        (StorageFailed("hidden"), 503, "media_store_failed", True),
        (WorkersBusy(waited_s=1), 503, "media_busy", True),
        (WorkerLost("hidden"), 503, "media_busy", True),
        (web.HTTPNotFound(), 404, "unknown_address", False),
        (web.HTTPMethodNotAllowed("PUT", ["GET"]), 405, "method_not_allowed", False),
        (web.HTTPRequestEntityTooLarge(1, 2), 413, "too_large", False),
        (web.HTTPExpectationFailed(), 417, "http_error", False),
        (web.RequestPayloadError("hidden"), 400, "body_broken", True),
        (ConnectionResetError("hidden"), 400, "body_broken", True),
        (RuntimeError("hidden"), 500, "internal_error", True),
    ],
)
def test_every_error_becomes_a_problem_that_repeats_none_of_its_words(
    error: Exception, status: int, code: str, retryable: bool
) -> None:
    problem = problem_of(error)

    assert (problem.status, problem.code, problem.retryable) == (status, code, retryable)
    assert "hidden" not in str(problem.as_dict())


@pytest.mark.parametrize("level", [None, *Level])
@pytest.mark.parametrize("write", [False, True])
def test_a_grant_opens_reading_or_everything_and_nothing_by_default(level: Level | None, write: bool) -> None:
    grants = {"posts": str(level)} if level else {}
    key = Key("key_1", "cus_1", "x", grants, NOW)
    allowed = level is Level.FULL or (level is Level.READ and not write)

    if allowed:
        check_grant(key, capability=Capability.POSTS, write=write, operators_only=False)
    else:
        with pytest.raises(Refusal) as refused:
            check_grant(key, capability=Capability.POSTS, write=write, operators_only=False)
        assert refused.value.problem.status == 403


def test_every_route_that_changes_something_asks_for_the_full_grant() -> None:
    asks = [route for route in ROUTES if route.path.endswith("/validate")]  # looks at a body, and changes nothing
    assert [route for route in ROUTES if route.write is (route.method == "GET") and route not in asks] == []
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
    assert {route.capability for route in ROUTES} == set(Capability)


@given(st.lists(st.integers(0, 9), max_size=9), st.integers(1, 9))
def test_a_page_has_at_most_its_limit_and_a_cursor_exactly_when_there_is_more(ids: list[int], limit: int) -> None:
    rows = [Customer(str(id_), "x", NOW) for id_ in ids][: limit + 1]

    made = page(rows, shown, limit=limit)

    assert [item.id for item in made.data] == [row.id for row in rows[:limit]]
    assert made.next_cursor == (rows[limit - 1].id if len(rows) > limit else None)


def test_a_page_shows_everything_its_items_have() -> None:
    made = page([Customer("cus_1", "Acme", NOW)], shown, limit=5)

    assert made.model_dump_json() == (
        '{"data":[{"id":"cus_1","name":"Acme","media_bytes_max":null,"media_files_max":null,'
        '"strict_disclosure":false,'
        '"created_at":"2026-11-20T12:00:00.000Z"}],"next_cursor":null}'
    )
    assert isinstance(made, Page)


@given(st.text(st.characters(exclude_categories=()), max_size=200))
def test_tamed_text_can_always_be_sent(text: str) -> None:
    assert len(tame(text)) <= 80
    tame(text).encode()


@pytest.mark.row("BO-63")
def test_tokens_are_in_no_error_no_repr_and_no_answer() -> None:
    wrong = {"open_id": "o", "access_token": "act hidden", "refresh_token": ["hidden"], "expires_in": 5, "scopes": []}
    right = wrong | {"access_token": "act.hidden", "refresh_token": "rft.hidden"}

    with pytest.raises(Refusal) as refused:
        parsed(AccountNew, wrong)

    assert {error.field for error in refused.value.problem.errors} == {"access_token", "refresh_token"}
    assert "hidden" not in str(refused.value.problem.as_dict())
    assert "hidden" not in repr(parsed(AccountNew, right))
    assert not {"access_token", "refresh_token"} & AccountAnswer.model_fields.keys()
    with pytest.raises(ValidationError) as raised:
        AccountNew.model_validate(wrong)
    assert "hidden" not in str(raised.value)


@given(st.text(max_size=60))
def test_only_what_a_feed_gave_out_is_a_cursor(text: str) -> None:
    try:
        cursor = EventsQuery(cursor=text).cursor
    except ValidationError:
        return
    assert cursor is not None
    number, _, id_ = cursor.partition(".")
    assert int(number) < 2**64
    assert id_ == "" or id_.startswith("evt_")


def test_a_cursor_of_the_feed_is_taken() -> None:
    for cursor in ("0.", f"9223372036854775807.{new_id('evt', NOW)}"):
        assert EventsQuery(cursor=cursor).cursor == cursor
    for wrong in ("18446744073709551616.", f"1.evt_{'i' * 26}"):  # i is no letter of an id: the store would not read it
        with pytest.raises(ValidationError):
            EventsQuery(cursor=wrong)


def test_an_integer_that_is_written_with_a_point_is_one_and_nothing_else_is() -> None:
    assert KeyRotate.model_validate({"grace_s": 60.0}).grace_s == 60
    for wrong in ("60", True, 60.5, 1e30, None, [60]):
        with pytest.raises(ValidationError):
            KeyRotate.model_validate({"grace_s": wrong})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLIPWIRE_ENCRYPTION_KEYS", "hidden"),
        ("CLIPWIRE_ENCRYPTION_KEYS", ","),
        ("OPERATOR_KEY", "cw_hidden"),
        ("OPERATOR_KEY", "hidden" * 9),
        ("EGRESS_ALLOW", "hidden"),
        ("RABBITMQ_PREFIX", "hid den"),
        ("API_PORT", "65536"),
        ("MEDIA_MAX_BYTES", "0"),
    ],
)
def test_a_bad_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load(ApiSettings, GOOD | {name: value})


def test_settings_have_the_documented_defaults() -> None:
    settings = load(ApiSettings, GOOD)

    assert (settings.api_host, settings.api_port, settings.media_max_bytes) == ("127.0.0.1", 8080, 4 * 1024**3)
    assert (settings.tiktok_audited, settings.rabbitmq_url, settings.operator_key) == (False, None, None)
