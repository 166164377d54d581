import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.tiktok.errors import redact
from libs.tiktok.readings import TABLE, Class, Source, read_code, read_fail_reason, read_oauth

# As the fact sheet's section 5, 3.5 and 1.4 list them.
CODES = {
    "ok": Class.OK,
    "invalid_param": Class.PERMANENT,
    "invalid_params": Class.PERMANENT,
    "app_version_check_failed": Class.USER_FIXABLE,
    "invalid_publish_id": Class.PERMANENT,
    "token_not_authorized_for_specified_publish_id": Class.PERMANENT,
    "publish_not_cancellable": Class.PERMANENT,
    "scope_permission_missed": Class.REAUTHORIZE,
    "invalid_file_upload": Class.USER_FIXABLE,
    "access_token_invalid": Class.REFRESH,
    "scope_not_authorized": Class.REAUTHORIZE,
    "spam_risk_too_many_posts": Class.WAIT_CAP,
    "spam_risk_user_banned_from_posting": Class.STOP,
    "reached_active_user_cap": Class.WAIT_CAP,
    "spam_risk_too_many_pending_share": Class.WAIT_CAP,
    "unaudited_client_can_only_post_to_private_accounts": Class.OPERATOR_FIXABLE,
    "url_ownership_unverified": Class.OPERATOR_FIXABLE,
    "privacy_level_option_mismatch": Class.USER_FIXABLE,
    "rate_limit_exceeded": Class.RATE_LIMITED,
    "internal_error": Class.RETRY,
}
FAIL_REASONS = {
    "file_format_check_failed": Class.USER_FIXABLE,
    "duration_check_failed": Class.USER_FIXABLE,
    "frame_rate_check_failed": Class.USER_FIXABLE,
    "picture_size_check_failed": Class.USER_FIXABLE,
    "internal": Class.RETRY,
    "video_pull_failed": Class.RETRY,
    "photo_pull_failed": Class.RETRY,
    "publish_cancelled": Class.STOP,
    "auth_removed": Class.REAUTHORIZE,
    "spam_risk_too_many_posts": Class.WAIT_CAP,
    "spam_risk_user_banned_from_posting": Class.STOP,
    "spam_risk_text": Class.STOP,
    "spam_risk": Class.STOP,
}
OAUTH = {
    "access_denied": Class.USER_FIXABLE,
    "invalid_client": Class.OPERATOR_FIXABLE,
    "invalid_grant": Class.REAUTHORIZE,
    "invalid_request": Class.PERMANENT,
    "invalid_scope": Class.OPERATOR_FIXABLE,
    "unauthorized_client": Class.OPERATOR_FIXABLE,
    "unsupported_grant_type": Class.PERMANENT,
    "unsupported_response_type": Class.PERMANENT,
    "server_error": Class.RETRY,
    "temporarily_unavailable": Class.RETRY,
    "non_sandbox_target": Class.OPERATOR_FIXABLE,
}
LISTS = {Source.CODE: CODES, Source.FAIL_REASON: FAIL_REASONS, Source.OAUTH: OAUTH}
READ = {Source.CODE: read_code, Source.FAIL_REASON: read_fail_reason, Source.OAUTH: read_oauth}


@pytest.mark.row("BO-48", "BO-49", "BO-50", "BO-51", "BO-52", "BO-53", "BO-54")
def test_the_table_has_exactly_the_sheets_codes_with_their_classes() -> None:
    listed = {(source, code): kind for source, codes in LISTS.items() for code, kind in codes.items()}

    assert {key: reading.kind for key, reading in TABLE.items()} == listed


@pytest.mark.parametrize(("source", "code"), list(TABLE))
def test_every_reading_names_its_code_and_a_whole_sentence(source: Source, code: str) -> None:
    reading = READ[source](code)

    assert reading.code == code
    assert reading.remedy[0].isupper() and reading.remedy.endswith(".") and len(reading.remedy) > 20


@pytest.mark.row("SS-15")
@pytest.mark.parametrize("reason", ["spam_risk", "spam_risk_text"])
def test_whoever_is_flagged_learns_that_posts_by_an_app_are_judged_more_strictly(reason: str) -> None:
    assert "more strictly" in read_fail_reason(reason).remedy


def test_only_waiting_refreshing_and_trying_again_are_retryable() -> None:
    retryable = {reading.kind for reading in TABLE.values() if reading.retryable}

    assert retryable == {Class.REFRESH, Class.WAIT_CAP, Class.RATE_LIMITED, Class.RETRY}


@pytest.mark.parametrize(
    ("source", "code", "kind"),
    [
        (Source.CODE, "spam_risk", Class.STOP),
        (Source.CODE, "spam_risk_text", Class.STOP),
        (Source.CODE, "auth_removed", Class.REAUTHORIZE),
        (Source.FAIL_REASON, "reached_active_user_cap", Class.WAIT_CAP),
        (Source.FAIL_REASON, "spam_risk_too_many_pending_share", Class.WAIT_CAP),
        (Source.FAIL_REASON, "privacy_level_option_mismatch", Class.USER_FIXABLE),
        # An init is never sent again because of a word that is not among its own.
        (Source.CODE, "internal", Class.UNKNOWN),
        (Source.CODE, "video_pull_failed", Class.UNKNOWN),
        (Source.FAIL_REASON, "internal_error", Class.UNKNOWN),
        (Source.FAIL_REASON, "rate_limit_exceeded", Class.UNKNOWN),
        (Source.OAUTH, "spam_risk", Class.UNKNOWN),
    ],
)
def test_a_no_that_the_sheet_has_in_another_place_means_the_same_there(source: Source, code: str, kind: Class) -> None:
    reading = READ[source](code)

    assert (reading.kind, reading.code) == (kind, code)
    assert ("does not know" in reading.remedy) == (kind is Class.UNKNOWN)


@given(code=st.text())
def test_an_unknown_code_is_never_success_and_never_retryable(code: str) -> None:
    for read in READ.values():
        if not any(code == known for _, known in TABLE):
            reading = read(code)
            assert reading.kind is Class.UNKNOWN and not reading.retryable and reading.code == code


@pytest.mark.parametrize("code", ["OK", "Ok", " ok", "success", "", "0"])
def test_nothing_but_ok_is_ok(code: str) -> None:
    assert read_code(code).kind is Class.UNKNOWN


def test_ok_is_a_success_only_as_an_api_code() -> None:
    assert read_fail_reason("ok").kind is Class.UNKNOWN
    assert read_oauth("ok").kind is Class.UNKNOWN


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("PUT https://u.example/upload?upload_id=7&upload_token=5e0c!x", "upload_token=[redacted]"),
        ("bad access_token=act.abc&x=1", "access_token=[redacted]&x=1"),
        ("CLIENT_SECRET=s3cr3t", "CLIENT_SECRET=[redacted]"),
        ("Bearer act.abc!4410.va expired", "Bearer [redacted] expired"),
        ("token act.simAAA111 and rft.simBBB222, clt.x", "act.[redacted] and rft.[redacted], clt.[redacted]"),
        ("two\r\nlines\0 and\x1b[31m red", "two lines and [31m red"),
    ],
)
def test_text_of_tiktoks_is_kept_without_secrets_and_on_one_line(text: str, shown: str) -> None:
    assert shown in redact(text)
    for secret in ("5e0c", "act.abc", "s3cr3t", "simAAA111", "simBBB222", "\n", "\0", "\x1b"):
        assert secret not in redact(text)


def test_text_of_tiktoks_is_bounded() -> None:
    assert len(redact("x" * 1_000_000)) == 500
