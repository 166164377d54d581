"""TikTok apps besides the operator's: one per customer, with its own client key and up to two live secrets."""

from aiohttp import web

from libs.model.key import Capability
from libs.model.problem import FieldError, Problem, Refusal, invalid
from libs.rest.apps import AppAnswer, AppChange, AppNew, AppsQuery
from libs.store.apps import App
from services.api.call import Call, reply
from services.api.doc import apps as doc
from services.api.page import page
from services.api.route import Route


async def create(call: Call) -> web.StreamResponse:
    """201: its customer connects accounts with it from now on; accounts of the operator's app stay what they are."""
    new = await call.body(AppNew)
    owner = await call.owner(new.customer_id)
    if new.client_key == call.desk.settings.tiktok_client_key:
        detail = "This is the operator's own app, which every customer may use without registering it."
        raise Refusal(invalid([FieldError("client_key", "operators_app", detail, remedy="Name another app.")]))
    made = await call.desk.store.apps.create(
        id_=call.new_id("app"),
        customer_id=owner,
        client_key=new.client_key,
        secrets=[secret.get_secret_value() for secret in new.client_secrets],
        audited=new.audited,
        now=call.now,
    )
    if made is None:
        detail = "The customer has an app already, or another customer has this one."
        raise Refusal(Problem("app_exists", "The app cannot be added", 409, detail, "Change the app there is."))
    return reply(_shown(made, call), status=201, location=f"/v1/apps/{made.id}")


async def listed(call: Call) -> web.StreamResponse:
    """Apps, newest first, without their secrets."""
    query = call.query(AppsQuery)
    rows = await call.desk.store.apps.page(
        customer_id=call.scope(query.customer_id), before=query.cursor, limit=query.limit + 1
    )
    return reply(page(rows, lambda row: _shown(row, call), limit=query.limit))


async def get(call: Call) -> web.StreamResponse:
    """One app, without its secrets."""
    found = await call.desk.store.apps.get(call.id("app"), customer_id=call.sees)
    if found is None:
        raise call.missing("app")
    return reply(_shown(found, call))


async def change(call: Call) -> web.StreamResponse:
    """Changes what is given. To rotate: send the new secret before the old one, and later the new one alone."""
    id_ = call.id("app")
    new = await call.body(AppChange)
    if nulls := [name for name in new.model_fields_set if getattr(new, name) is None]:
        raise Refusal(invalid([FieldError(name, "null", "This cannot be emptied.") for name in sorted(nulls)]))
    secrets = [secret.get_secret_value() for secret in new.client_secrets] if new.client_secrets else None
    changed = await call.desk.store.apps.change(id_, secrets=secrets, audited=new.audited, now=call.now)
    if changed is None:
        raise call.missing("app")
    return reply(_shown(changed, call))


def _shown(app: App, call: Call) -> AppAnswer:
    return AppAnswer(
        id=app.id,
        customer_id=app.customer_id,
        client_key=app.client_key,
        live_secrets=app.secrets,
        audited=app.audited,
        callback_url=call.desk.tiktok.callback_url(),
        created_at=app.created_at,
    )


ROUTES = (
    # A customer who could name any client key would learn from the refusal that somebody here has it.
    Route("POST", "/v1/apps", Capability.APPS, create, doc=doc.CREATE, write=True, operators_only=True),
    Route("GET", "/v1/apps", Capability.APPS, listed, doc=doc.LISTED, query=AppsQuery),
    Route("GET", "/v1/apps/{id}", Capability.APPS, get, doc=doc.GET),
    Route("PATCH", "/v1/apps/{id}", Capability.APPS, change, doc=doc.CHANGE, write=True, operators_only=True),
)
