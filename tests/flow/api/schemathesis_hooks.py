"""What Schemathesis has to know of us: real files to upload, and which refusals no schema could have said."""

import schemathesis
from hypothesis import strategies as st

from libs.egress import Reason
from libs.rest.code import Code
from tests.contract.simulator.clips import clip

RULES = {
    "contradiction", "group_taken", "idempotency_key_mismatch", "no_app", "no_header", "not_before_until", "not_given",
    "one_of", "operators_app", "other_app", "out_of_range", "unknown", "unknown_account", "unknown_event",
    "unknown_scope", "unknown_timezone", *Reason,
}  # fmt: skip
"""Codes of fields that are wrong although each is well-formed: by what others hold, or by what is here."""
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
        if error["code"] not in RULES and (error["code"], error["field"]) not in TOGETHER
    ]  # fmt: skip
    assert not shape, f"the document should have said this: {shape}"


schemathesis.openapi.media_type("video/mp4", st.just(clip()) | st.binary(max_size=200))
