"""What to tell the caller of each error."""

from aiohttp import web

from libs.media.errors import ObjectTooLarge, StorageFailed, StorageFull, WorkerError
from libs.model.problem import FieldError, Problem, Refusal
from libs.store.errors import BadData, Contended, Stale, Unavailable
from libs.store.media import QuotaReached

UNCERTAIN = (
    "The request probably had no effect. If it made something, look before you send it without an idempotency key."
)


def problem_of(error: Exception) -> Problem:
    """What to tell the caller of an error. Never its text, except where the model wrote it for callers."""
    match error:
        case Refusal():
            return error.problem
        case Unavailable():
            return _later("store_unavailable", "The database does not answer", UNCERTAIN)
        case Contended():
            return _later("contended", "Another request was quicker", "Nothing was saved by this request.")
        case Stale():
            return Problem("changed_meanwhile", "It changed meanwhile", 409, "Somebody else was quicker.",
                           "Read it again, then decide again.", True)  # fmt: skip
        case BadData():
            return Problem("bad_data", "A value cannot be stored", 422, "The request has a value that cannot be kept.",
                           "Look for unusual characters, dates or numbers.")  # fmt: skip
        case ObjectTooLarge():
            return _too_large(f"The file is larger than {error.limit_bytes} bytes.")
        case QuotaReached():
            return _quota(error)
        case StorageFull():
            return Problem("media_store_full", "The media store is full", 507, "There is no room for this file.",
                           "Ask the operator to make room, then send it again.", True)  # fmt: skip
        case StorageFailed():
            return _later("media_store_failed", "The media store does not answer", "Nothing was kept of this upload.")
        case WorkerError():
            return _later("media_busy", "Too many files are being looked at", "Nothing was kept of this upload.")
        case web.HTTPException():
            return _of_http(error)
        case web.RequestPayloadError() | ConnectionError():
            return Problem("body_broken", "The body broke off", 400, "The body ended early.", "Send it again.", True)
        case _:
            return Problem("internal_error", "The request failed", 500, "A fault of ours; it was logged.",
                           "Try again; if it stays, tell the operator the request_id.", True)  # fmt: skip


def _of_http(error: web.HTTPException) -> Problem:
    match error.status:
        case 404:
            return Problem("unknown_address", "There is nothing here", 404, "No operation has this address.",
                           "Compare the path with the documentation; all begin with /v1.")  # fmt: skip
        case 405:
            return Problem("method_not_allowed", "Not this method", 405, "The address is right, the method is not.",
                           "Use a method that the Allow header lists.")  # fmt: skip
        case 413:
            return _too_large("The body is larger than this operation takes.")
        case status:
            return Problem("http_error", error.reason or "HTTP error", status, "The request could not be read as HTTP.")


def _quota(error: QuotaReached) -> Problem:
    kept, most = error.usage, error.quota
    full = kept.files + 1 > most.files
    field, limit, found = ("files", most.files, kept.files) if full else ("bytes", most.bytes, kept.bytes)
    remedy = "Delete media that no post needs (DELETE /v1/media/{id}), or ask the operator for a larger quota."
    detail = f"This customer keeps {found} of at most {limit} {field} of media; this file does not fit in."
    told = FieldError("file", f"quota_{field}", detail, limit=limit, found=found, remedy=remedy)
    return Problem("media_quota_reached", "The media quota is reached", 413, detail, remedy, errors=(told,))


def _too_large(detail: str) -> Problem:
    return Problem("too_large", "Too large", 413, detail, "Send less.")


def _later(code: str, title: str, detail: str) -> Problem:
    return Problem(code, title, 503, detail, "Send the same request again after Retry-After.", True)
