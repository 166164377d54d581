"""What each odd reply, and none at all, becomes."""

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from libs.tiktok.client import TikTokClient
from libs.tiktok.errors import Class, NoReply, OAuthRefused, Refused, ServerTrouble, Throttled, Unreadable
from libs.tiktok.posting import (
    Photos,
    PullFromUrl,
    UploadSlot,
)
from tests.each import each
from tests.unit.tiktok.tiktok_script import (
    API,
    EVERY_CALL,
    LOG_ID,
    OAUTH_CALLS,
    TOKEN,
    UPLOAD_URL,
    V2_CALLS,
    Scripted,
    failure,
    ok,
    refusal,
)


@pytest.mark.parametrize("name", list(V2_CALLS))
@pytest.mark.row("BO-55")
async def test_an_error_with_http_200_is_an_error(name: str) -> None:
    error = await failure(V2_CALLS[name], Scripted(200, refusal("spam_risk_too_many_posts", "Daily post cap reached")))

    assert type(error) is Refused
    assert (error.code, error.message) == ("spam_risk_too_many_posts", "Daily post cap reached")
    assert (error.status, error.log_id) == (200, LOG_ID)
    assert error.reading.kind is Class.WAIT_CAP
    assert not error.may_have_taken_effect


@pytest.mark.parametrize("name", list(V2_CALLS))
async def test_an_error_without_data_is_the_same_error(name: str) -> None:
    body = {"error": {"code": "access_token_invalid", "message": "The access token is invalid.", "log_id": LOG_ID}}

    error = await failure(V2_CALLS[name], Scripted(401, body))

    assert isinstance(error, Refused)
    assert error.reading.kind is Class.REFRESH


@pytest.mark.parametrize("status", [200, 400, 401])
@pytest.mark.parametrize("name", list(OAUTH_CALLS))
async def test_an_oauth_error_is_one_whatever_the_status(name: str, status: int) -> None:
    body = {"error": "invalid_grant", "error_description": "Authorization code is expired.", "log_id": LOG_ID}

    error = await failure(OAUTH_CALLS[name], Scripted(status, body))

    assert isinstance(error, OAuthRefused)
    assert (error.code, error.message) == ("invalid_grant", "Authorization code is expired.")
    assert (error.status, error.log_id, error.trace.call) == (status, LOG_ID, name)
    assert error.reading.kind is Class.REAUTHORIZE
    assert not error.may_have_taken_effect


async def test_a_5xx_never_reads_as_a_lost_grant() -> None:
    error = await failure(OAUTH_CALLS["refresh"], Scripted(503, {"error": "invalid_grant"}))

    assert isinstance(error, ServerTrouble)
    assert error.may_have_taken_effect


@pytest.mark.parametrize("code", ["server_error", "temporarily_unavailable", "something_new"])
async def test_trouble_during_a_refresh_may_have_used_the_token(code: str) -> None:
    error = await failure(OAUTH_CALLS["refresh"], Scripted(200, {"error": code}))

    assert isinstance(error, OAuthRefused)
    assert error.may_have_taken_effect


@each("body", [refusal("rate_limit_exceeded"), b"<html>slow down</html>", b"", refusal("odd")])
@each("name", list(EVERY_CALL))
async def test_429_is_throttled_whatever_its_body(name: str, body: Any) -> None:
    error = await failure(EVERY_CALL[name], Scripted(429, body))

    assert isinstance(error, Throttled)
    assert error.reading.kind is Class.RATE_LIMITED
    assert not error.may_have_taken_effect


async def test_the_rate_limit_code_is_throttled_whatever_its_status() -> None:
    assert isinstance(await failure(V2_CALLS["status_fetch"], Scripted(200, refusal("rate_limit_exceeded"))), Throttled)


@each(
    ("status", "body", "code"),
    [
        (500, refusal("internal_error"), "internal_error"),
        (502, b"<html><h1>502 Bad Gateway</h1></html>", ""),
        (503, b"", ""),
        (504, b'{"error":', ""),
        (500, ok({"publish_id": "p", "upload_url": UPLOAD_URL}), "ok"),
        (500, refusal("access_token_invalid"), "access_token_invalid"),
        (200, refusal("internal_error"), "internal_error"),
        (400, refusal("internal_error"), "internal_error"),
    ],
)
@each("name", list(EVERY_CALL))
async def test_tiktoks_own_trouble_may_have_taken_effect(name: str, status: int, body: Any, code: str) -> None:
    error = await failure(EVERY_CALL[name], Scripted(status, body))

    assert isinstance(error, ServerTrouble)
    assert (error.status, error.code) == (status, code)
    assert error.may_have_taken_effect


@each(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html></html>"),
        (200, b'{"data":{"publish_id":"p"},"error":{"code":"ok"'),
        (200, b"[]"),
        (200, b"null"),
        (200, b'{"data":{}}'),
        (200, b'{"data":{},"error":null}'),
        (200, b'{"data":{},"error":{}}'),
        (200, b'{"data":{},"error":{"code":0}}'),
        (200, b'{"data":{},"error":{"code":""}}'),
        (200, b'{"data":{},"error":[]}'),
        (200, b"[" * 100_000),
        (200, b'{"error":{"code":"ok","message":"\xff"}}'),
        (404, b"not found"),
        (403, b"<html>WAF</html>"),
        (302, b""),
        (400, ok({})),
        (401, ok({})),
    ],
)
@each("name", list(V2_CALLS))
async def test_a_reply_that_is_no_envelope_is_unreadable_and_may_have_taken_effect(
    name: str, status: int, body: Any
) -> None:
    error = await failure(V2_CALLS[name], Scripted(status, body))

    assert isinstance(error, Unreadable)
    assert error.status == status
    assert error.may_have_taken_effect


@pytest.mark.parametrize(("status", "may"), [(200, True), (403, False), (400, False)])
async def test_an_unknown_code_is_ambiguous_unless_its_status_refuses(status: int, may: bool) -> None:
    error = await failure(V2_CALLS["video_init"], Scripted(status, refusal("brand_new_code")))

    assert isinstance(error, Refused)
    assert error.reading.kind is Class.UNKNOWN
    assert error.may_have_taken_effect is may


async def test_a_code_in_other_letters_is_not_ok() -> None:
    assert isinstance(await failure(V2_CALLS["cancel"], Scripted(200, refusal("OK"))), Refused)


@pytest.mark.parametrize("name", list(EVERY_CALL))
async def test_a_huge_reply_is_given_up(name: str) -> None:
    error = await failure(EVERY_CALL[name], Scripted(200, b" " * (1024 * 1024 + 1)))

    assert isinstance(error, Unreadable)
    assert "too large" in error.why


async def test_an_endless_reply_is_given_up_after_a_bound() -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 65536
            yield b" " * 65536

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=endless()))
    async with TikTokClient(api_url=API, auth_url=API, transport=transport) as client:
        with pytest.raises(Unreadable, match="too large"):
            await client.creator_info(TOKEN, timeout=5)

    assert given <= 1024 * 1024 + 2 * 65536


async def test_a_packed_reply_is_unpacked() -> None:
    packed = gzip.compress(json.dumps(ok({"status": "FAILED"})).encode())

    async with Scripted(200, packed, {"content-encoding": "gzip"}).client() as client:
        assert (await client.status_fetch(TOKEN, "p1", timeout=5)).value.status == "FAILED"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b" " * 50_000_000, mtime=0)),
        ("gzip", gzip.compress(b"{}", mtime=0)[:-4]),
        ("gzip", b"{}"),
        ("br", b"{}"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0)),
    ],
)
async def test_a_badly_packed_reply_is_unreadable(encoding: str, body: bytes) -> None:
    error = await failure(V2_CALLS["creator_info"], Scripted(200, body, {"content-encoding": encoding}))

    assert isinstance(error, Unreadable)


@each(
    ("raised", "sent"),
    [
        (httpx.ConnectError, False),
        (httpx.ConnectTimeout, False),
        (httpx.PoolTimeout, False),
        (httpx.ReadError, True),
        (httpx.ReadTimeout, True),
        (httpx.WriteError, True),
        (httpx.WriteTimeout, True),
        (httpx.CloseError, True),
        (httpx.RemoteProtocolError, True),
        (httpx.LocalProtocolError, True),
    ],
)
@each("name", list(EVERY_CALL))
async def test_no_reply_says_whether_anything_was_sent(
    name: str, raised: type[httpx.TransportError], sent: bool
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise raised("reset at https://u.example/upload?upload_token=5e0c")

    async with TikTokClient(api_url=API, auth_url=API, transport=httpx.MockTransport(answer)) as client:
        with pytest.raises(NoReply) as caught:
            await EVERY_CALL[name](client)

    assert caught.value.sent is sent
    assert caught.value.may_have_taken_effect is sent
    assert caught.value.status is None
    assert "5e0c" not in str(caught.value)


async def test_a_message_of_tiktoks_is_kept_without_secrets() -> None:
    error = await failure(V2_CALLS["cancel"], Scripted(400, refusal("invalid_params", "bad act.simAAA111\nx")))

    assert isinstance(error, Refused)
    assert error.message == "bad act.[redacted] x"
    assert "simAAA111" not in str(error)


def test_what_holds_a_signed_url_does_not_show_it() -> None:
    slot = UploadSlot.model_validate({"publish_id": "p", "upload_url": UPLOAD_URL})
    shown = f"{slot!r} {slot.model_dump()} {PullFromUrl('https://m.example/pull/t0ken')!r} {Photos(urls=('t0ken',))!r}"

    assert "5e0c" not in shown and "t0ken" not in shown
