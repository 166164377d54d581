"""Postproxy: `https://api.postproxy.dev` becomes `…/compat/postproxy`; its own paths begin with `/api`."""

from libs.model.key import Capability
from services.api.dialects.found import PostsQuery
from services.api.dialects.postproxy import posts, profiles, shape, stats, webhooks
from services.api.dialects.postproxy.compile import PostNew
from services.api.dialects.postproxy.words import DIALECT
from services.api.resource import endpoints

route, A, P, E = DIALECT.route, Capability.ACCOUNTS, Capability.POSTS, Capability.ENDPOINTS
ROUTES = DIALECT.complete(
    route("GET", "/api/profiles", A, profiles.listed, summary="List profiles", query=shape.ProfilesQuery,
          per_account=True),
    route("GET", "/api/profiles/{id}", A, profiles.get, summary="Show a profile", per_account=True),
    route("GET", "/api/profiles/{id}/stats", Capability.PROFILE, stats.of_profile, summary="Show a profile's numbers",
          query=stats.ProfileStatsQuery, per_account=True),
    route("GET", "/api/profile_groups", A, profiles.listed_groups, summary="List groups", query=shape.GroupsQuery),
    route("GET", "/api/profile_groups/{id}", A, profiles.get_group, summary="Show a group"),
    route("POST", "/api/profile_groups/{id}/initialize_connection", A, profiles.initialize,
          summary="Make a link by which a creator connects", body=profiles.Initialize),
    route("POST", "/api/posts", P, posts.create, summary="Post", body=PostNew, per_account=True),
    route("GET", "/api/posts", P, posts.listed, summary="List posts", query=PostsQuery, per_account=True),
    route("GET", "/api/posts/stats", P, stats.of_posts, summary="Show posts' numbers", query=stats.PostStatsQuery,
          per_account=True),
    route("GET", "/api/posts/{id}", P, posts.get, summary="Show a post", per_account=True),
    route("DELETE", "/api/posts/{id}", P, posts.delete, summary="Cancel a post", per_account=True),
    route("POST", "/api/webhooks", E, webhooks.create, summary="Make a webhook", body=webhooks.WebhookNew),
    route("GET", "/api/webhooks", E, webhooks.listed, summary="List webhooks", query=shape.WebhooksQuery),
    route("GET", "/api/webhooks/{id}", E, webhooks.get, summary="Show a webhook"),
    route("DELETE", "/api/webhooks/{id}", E, endpoints.delete, summary="Delete a webhook"),
)  # fmt: skip
