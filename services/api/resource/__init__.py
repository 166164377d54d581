"""One module per resource: how it is shown, what may be done with it, and at its end the table of its routes."""

from services.api.resource import (
    accounts,
    apps,
    attempts,
    audit,
    connect,
    consumers,
    creator,
    customers,
    deliveries,
    endpoints,
    events,
    groups,
    keys,
    lives,
    media,
    posts,
    replays,
    validate,
)

ROUTES = (
    *customers.ROUTES,
    *apps.ROUTES,
    *audit.ROUTES,
    *connect.ROUTES,
    *accounts.ROUTES,
    *creator.ROUTES,
    *groups.ROUTES,
    *media.ROUTES,
    *posts.ROUTES,
    *lives.ROUTES,
    *validate.ROUTES,
    *endpoints.ROUTES,
    *events.ROUTES,
    *consumers.ROUTES,
    *deliveries.ROUTES,
    *attempts.ROUTES,
    *replays.ROUTES,
    *keys.ROUTES,
)
"""The whole REST API."""
