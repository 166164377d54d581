"""SocialSyncerAPI: `https://api.socialsyncerapi.com` becomes `…/compat/socialsyncer`."""

from libs.model.key import Capability
from services.api.dialects.socialsyncer import posts, shape
from services.api.dialects.socialsyncer.compile import PostNew
from services.api.dialects.socialsyncer.words import DIALECT
from services.api.resource import creator

route = DIALECT.route
ROUTES = DIALECT.complete(
    route(
        "POST",
        "/v1/posts",
        Capability.POSTS,
        posts.create,
        summary="Post",
        body=PostNew,
        examples=posts.CREATE,
        per_account=True,
    ),
    route(
        "GET",
        "/v1/posts",
        Capability.POSTS,
        posts.listed,
        summary="List posts",
        query=shape.ListQuery,
        per_account=True,
    ),
    route("GET", "/v1/posts/{id}", Capability.POSTS, posts.get, summary="Show a post", per_account=True),
    route("DELETE", "/v1/posts/{id}", Capability.POSTS, posts.delete, summary="Cancel a post", per_account=True),
    route("POST", "/v1/posts/{id}/retry", Capability.POSTS, posts.retry, summary="Try again", per_account=True),
    route(
        "GET",
        "/v1/accounts",
        Capability.ACCOUNTS,
        posts.accounts,
        summary="List accounts",
        query=shape.AccountsQuery,
        per_account=True,
    ),
    route(
        "GET",
        "/v1/accounts/{id}/tiktok/creator-info",
        Capability.PROFILE,
        creator.settings,
        summary="Show what the creator may post",
        per_account=True,
    ),
)
