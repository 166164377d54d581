"""What Schemathesis has to know of us: real files to upload, and which refusals no schema could have said."""

import schemathesis
from hypothesis import strategies as st

from libs.egress import Reason
from libs.rest.code import Code
from tests.contract.simulator.clips import clip

POSTS = {
    "account_not_connected", "bad_number", "bad_text", "before_publish_at", "branded_private", "media_not_ready",
    "missing_scope", "needs_conversion", "not_given", "passed", "photo_only", "pull_only", "repeated",
    "several_customers", "too_large", "too_long", "too_many", "two_covers", "unknown_media", "video_only",
}  # fmt: skip
SHEETS = {
    "cells", "malformed_csv", "no_header", "no_rows", "too_many_columns", "too_many_rows", "unknown_column",
}  # fmt: skip
RULES = POSTS | SHEETS | {
    "bad_redirect", "contradiction", "exceeds_own", "first_wait", "header", "idempotency_key_mismatch",
    "no_app", "not_a_photo", "not_fetchable",
    "not_as_promised", "not_before_until", "not_per_account", "not_readable", "one_of",
    "one_place", "operators_app", "other_app", "out_of_range", "past", "unknown", "unknown_account", "unknown_app",
    "unknown_customer", "unknown_endpoint", "unknown_event", "unknown_scope", "unknown_timezone", *Reason,
}  # fmt: skip
"""Codes of fields that are wrong although each is well-formed: by what others hold, or by what is here."""
OF_FILES = "media_"
"""How the codes begin of what is in a file."""
TOGETHER = {("required", field) for field in ("account_id", "customer_id", "grants", "privacy_level", "publish_at")}
"""Fields that must be there because of what others say, or instead of them."""


@schemathesis.check
def refused_by_a_rule(ctx, response, case) -> None:
    """A request that is well-formed by the document is refused only for what the document cannot say."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 422:
        return
    problem = response.json()
    if problem["code"] != Code.INVALID_REQUEST:
        return
    shape = [
        error for error in problem["errors"]
        if error["code"] not in RULES and not error["code"].startswith(OF_FILES)
        and (error["code"], error["field"]) not in TOGETHER
    ]  # fmt: skip
    assert not shape, f"the document should have said this: {shape}"


schemathesis.openapi.media_type("video/mp4", st.just(clip()) | st.binary(max_size=200))
