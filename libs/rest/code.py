"""Every `code` that a problem of this API can have: what a program may decide by."""

from enum import StrEnum
from typing import Self


class Code(StrEnum):
    """A code, the HTTP status it comes with, and what it means. A code keeps its meaning for ever."""

    status: int
    meaning: str

    def __new__(cls, value: str, status: int, meaning: str) -> Self:
        made = str.__new__(cls, value)
        made._value_ = value
        made.status = status
        made.meaning = meaning
        return made

    # What could not be read.
    MALFORMED_JSON = "malformed_json", 400, "The body is not JSON."
    MALFORMED_FORM = "malformed_form", 400, "The form cannot be read."
    BODY_BROKEN = "body_broken", 400, "The body ended before it was whole."
    UNREADABLE_REQUEST = "unreadable_request", 400, "The bytes sent are not HTTP, or a line of them is too long."
    HTTP_ERROR = "http_error", 400, "The request breaks a rule of HTTP."
    REQUEST_TIMEOUT = "request_timeout", 408, "The body came too slowly."
    TOO_LARGE = "too_large", 413, "The body is larger than this operation takes."
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", 415, "The body has a type that is not taken here."

    # Whose request it is, and where it went.
    UNAUTHORIZED = "unauthorized", 401, "There is no key, or one that is not valid (any more)."
    INVALID_TOKEN = "invalid_token", 401, "SocialAPI.ai's word: the account has to be connected again; see reconnect."
    FORBIDDEN = "forbidden", 403, "The key's grants do not allow this."
    NOT_FOUND = "not_found", 404, "There is no such thing that this key may see."
    UNKNOWN_ADDRESS = "unknown_address", 404, "No operation has this address."
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, "The address is right, the method is not; see Allow."
    RATE_LIMITED = "rate_limited", 429, "The key asked too often; see Retry-After."

    # What is wrong with it.
    INVALID_REQUEST = "invalid_request", 422, "Fields are wrong; errors names each with its limit and remedy."
    BAD_DATA = "bad_data", 422, "A value cannot be stored."
    CAPABILITY_NOT_SUPPORTED = "capability_not_supported", 422, "TikTok lets no app do this; detail says why."
    UNUSABLE_MEDIA = "unusable_media", 422, "The file is nothing that could be posted."
    UPLOAD_MISSING = "upload_missing", 422, "The file was not sent to its address in time."
    DELETED = "deleted", 422, "The file was deleted before it came."
    IDEMPOTENCY_CONFLICT = "idempotency_conflict", 422, "The idempotency key belongs to a post made otherwise."
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused", 422, "The Idempotency-Key belongs to another request."
    REFUSED_BY_TIKTOK = "refused_by_tiktok", 422, "TikTok refused; upstream has its words."
    UNKNOWN_STATE = "unknown_state", 422, "No such state was given to this customer."
    REPLAYED_STATE = "replayed_state", 422, "The state was used before."
    EXPIRED_STATE = "expired_state", 422, "The state is too old."
    WRONG_REDIRECT = "wrong_redirect", 422, "The state was made for another redirect_uri."
    NO_ANSWER = "no_answer", 422, "There is neither a code nor an error."
    DENIED = "denied", 422, "The creator did not agree."
    EXPIRED_CODE = "expired_code", 422, "TikTok's code has expired or was used before."
    FOREIGN_CODE = "foreign_code", 422, "TikTok's code was given to another browser."
    MEDIA_QUOTA_REACHED = "media_quota_reached", 413, "The customer keeps as much media as it may."

    # What stands in its way now.
    IDEMPOTENCY_IN_FLIGHT = "idempotency_in_flight", 409, "The same request is under way."
    CHANGED_MEANWHILE = "changed_meanwhile", 409, "It changed while this was asked; read it again."
    DUPLICATE_CONTENT = "duplicate_content", 409, "The account was given the same content a moment ago; see post_id."
    MEDIA_IN_USE = "media_in_use", 409, "Posts that are not done need the file; see post_ids."
    MEDIA_ON_ITS_WAY = "media_on_its_way", 409, "The file is being fetched or looked into."
    UPLOAD_INCOMPLETE = "upload_incomplete", 409, "The file is not at its address, or not whole."
    NOT_CANCELLABLE = "not_cancellable", 409, "It is too late to cancel the post, or there is nothing to cancel."
    NOT_RESCHEDULABLE = "not_reschedulable", 409, "The post has no time any more."
    NOT_A_DRAFT = "not_a_draft", 409, "The post is no draft any more."
    NOT_RETRYABLE = "not_retryable", 409, "The post has not failed."
    NOT_UNCONFIRMED = "not_unconfirmed", 409, "There is nothing to be decided about the post."
    MAY_BE_PUBLISHED = "may_be_published", 409, "It cannot be proven that nothing of the post was published."
    PUBLISH_BEFORE_PASSED = "publish_before_passed", 409, "The post's publish_before has passed."
    REAUTHORIZATION_REQUIRED = "reauthorization_required", 409, "The account has to be connected again."
    MISSING_SCOPE = "missing_scope", 409, "The creator did not grant the permission this needs."
    UNKNOWN_APP = "unknown_app", 409, "The TikTok app has no secret here any more."
    OTHER_CREATOR = "other_creator", 409, "Another creator consented than the one meant."
    GROUP_TAKEN = "group_taken", 409, "The group holds another account; see account_id."
    APP_EXISTS = "app_exists", 409, "The customer has an app already, or another customer has this one."
    CONSUMER_EXISTS = "consumer_exists", 409, "There is a consumer of this name, or there are too many."
    ENDPOINT_DISABLED = "endpoint_disabled", 409, "The endpoint is disabled."
    ENDPOINT_DELETED = "endpoint_deleted", 409, "The delivery's endpoint was deleted."
    TOO_MANY_KEYS = "too_many_keys", 409, "Too many keys would sign for the endpoint."
    TOO_MANY_ENDPOINTS = "too_many_endpoints", 409, "The customer has as many endpoints as it may."
    TOO_MANY_LIVE_KEYS = "too_many_live_keys", 409, "There are as many keys in use as there may be."
    TOO_MANY_REPLAYS = "too_many_replays", 409, "Too many replays are not done."
    KEY_OVER = "key_over", 409, "The key was revoked or has expired."

    # What is wrong with us, or with what we stand on.
    INTERNAL_ERROR = "internal_error", 500, "A fault of ours; it was logged."
    STORE_UNAVAILABLE = "store_unavailable", 503, "The database does not answer."
    CONTENDED = "contended", 503, "Other requests were quicker again and again."
    TIKTOK_UNAVAILABLE = "tiktok_unavailable", 503, "TikTok limits, is in trouble or did not answer."
    TIKTOK_TROUBLE = "tiktok_trouble", 503, "TikTok is in trouble, or its answer was lost."
    MEDIA_STORE_FAILED = "media_store_failed", 503, "The media store does not answer."
    MEDIA_BUSY = "media_busy", 503, "Too many files are being looked at."
    MEDIA_STORE_FULL = "media_store_full", 507, "The media store is full."
