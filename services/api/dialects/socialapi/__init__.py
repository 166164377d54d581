"""SocialAPI.ai: `https://api.social-api.ai` becomes `…/compat/socialapi`."""

from libs.model.key import Capability
from libs.rest.media import UploadQuery
from services.api.dialects.socialapi import connect, posts, shape
from services.api.dialects.socialapi.compile import PostNew
from services.api.dialects.socialapi.words import DIALECT
from services.api.doc import media as media_doc
from services.api.resource import media

route = DIALECT.route
ROUTES = DIALECT.complete(
    route(
        "POST",
        "/v1/accounts/connect",
        Capability.ACCOUNTS,
        connect.connect,
        summary="Make a link by which a creator connects",
        body=connect.Connect,
        examples=connect.CONNECT,
    ),
    route(
        "POST",
        "/v1/oauth/exchange",
        Capability.ACCOUNTS,
        connect.exchange,
        summary="Finish connecting",
        body=connect.Exchange,
        examples=connect.EXCHANGE,
    ),
    route(
        "GET",
        "/v1/accounts",
        Capability.ACCOUNTS,
        connect.listed,
        summary="List accounts",
        query=shape.AccountsQuery,
        per_account=True,
    ),
    route("GET", "/v1/accounts/{id}", Capability.ACCOUNTS, connect.get, summary="Show an account", per_account=True),
    route(
        "POST",
        "/v1/media/upload",
        Capability.MEDIA,
        media.upload,
        summary="Upload a file",
        body=media_doc.UPLOAD.body,
        query=UploadQuery,
    ),
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
)
