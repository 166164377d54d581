"""Would this post be accepted, and would its creator's settings let it out? Asked without making one."""

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import asdict

from aiohttp import web

from libs.accounts.errors import Later, NotConnected
from libs.media.advice import advice
from libs.media.limits import MediaLimits
from libs.media.probe import finding_from
from libs.media.rules import post_violations
from libs.model.account import Account
from libs.model.creator import audience_errors, disabled, privacy_errors
from libs.model.ids import is_id
from libs.model.key import Capability
from libs.model.post_request import PostRequest
from libs.model.problem import FieldError, Problem, Refusal, invalid
from libs.model.unused import unused
from libs.rest.posts import AccountVerdict, Verdict, Warned
from libs.store.intake import check_request
from libs.store.media import Media
from libs.tiktok.errors import TikTokError
from libs.tiktok.posting import CreatorInfo
from services.api.call import Call, reply
from services.api.doc import validate as doc
from services.api.resource.creator import creator_info, creator_settings, trouble
from services.api.resource.posts import owner_of, wanted
from services.api.route import Route

AT_ONCE = 10


async def validate(call: Call) -> web.StreamResponse:
    """What acceptance would refuse is refused here the same; 200 with what every creator's settings say right now.

    Nothing is made, and the idempotency key does not count.
    """
    request, named = await wanted(call)
    owner = await owner_of(call, request, named=named)
    checked = await check_request(
        call.desk.store,
        request,
        customer_id=owner,
        key="validate",
        audited=call.desk.settings.tiktok_audited,
        judge=call.desk.judge,
        now=call.now,
    )
    if isinstance(checked, Problem):
        raise Refusal(checked)
    media = await _media(call, request, owner=owner)
    accounts = await call.desk.store.accounts.get_many(request.accounts, customer_id=owner)
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(account_id: str) -> AccountVerdict:
        async with turns:
            return await _of_account(call, request, accounts[account_id], media)

    verdicts = tuple(await asyncio.gather(*(one(account_id) for account_id in request.accounts)))
    valid = all(verdict.problem is None for verdict in verdicts)
    warnings = (
        *(Warned(**asdict(one)) for one in unused(request)),
        *_warnings(request, media),
        *_turned_off(request, verdicts),
    )
    return reply(Verdict(valid=valid, accounts=verdicts, warnings=warnings))


async def _of_account(call: Call, request: PostRequest, account: Account, media: Collection[Media]) -> AccountVerdict:
    """What TikTok says of this account. Raises `Refusal` 503 when it says nothing: then nobody knows."""
    account_id = account.id
    if request.mode == "inbox":
        return AccountVerdict(account_id=account_id, creator=None, problem=None)
    try:
        said = await creator_info(call, account_id)
    except (NotConnected, Later, TikTokError) as error:
        problem = trouble(error)
        if problem.status == 503:
            raise Refusal(problem) from error
        return AccountVerdict(account_id=account_id, creator=None, problem=problem.as_dict())
    own = account.app_audited
    audited = call.desk.settings.tiktok_audited if own is None else own
    errors = audience_errors(said.privacy_level_options, audited=audited)
    errors += privacy_errors(request.privacy_level, said.privacy_level_options)
    errors += _duration_errors(request, said, media)
    wrong = invalid(errors).as_dict() if errors else None
    return AccountVerdict(account_id=account_id, creator=creator_settings(said), problem=wrong)


async def _media(call: Call, request: PostRequest, *, owner: str) -> list[Media]:
    """The files that are here; one by URL is judged once it is fetched."""
    ids = [source for source in request.media if is_id(source, "med")]
    found = [await call.desk.store.media.get(id_, customer_id=owner) for id_ in ids]
    return [media for media in found if media is not None]


def _warnings(request: PostRequest, media: Collection[Media]) -> Iterator[Warned]:
    """Of the files that are here."""
    probes = {one.id: one.probe for one in media}
    for place, source in enumerate(request.media):
        for said in advice(finding_from(probes[source]), kind=request.kind) if source in probes else ():
            yield Warned(**asdict(said) | {"field": f"media.{place}.{said.field}"})


def _turned_off(request: PostRequest, verdicts: Collection[AccountVerdict]) -> Iterator[Warned]:
    """What a creator has turned off stays off, whatever is asked for."""
    asked = request.model_dump()
    for verdict in verdicts:
        for field in disabled(asked, verdict.creator.model_dump()) if verdict.creator else ():
            name = field.removeprefix("disable_")
            yield Warned(
                field=field,
                code="turned_off_by_creator",
                detail=f"The creator of {verdict.account_id} has turned {name} off, and it stays off: the post goes out"
                f" with {field} true.",
                found="false",
                remedy=f"Send {field} true, or ask the creator to allow it in TikTok's app.",
            )


def _duration_errors(request: PostRequest, creator: CreatorInfo, media: Collection[Media]) -> list[FieldError]:
    """What the creator's own limit of length forbids; nothing else of the media depends on the creator."""
    if creator.max_video_post_duration_sec is None or request.kind != "video" or not media:
        return []
    limits = MediaLimits().for_creator(max_video_post_duration_sec=creator.max_video_post_duration_sec)
    broken = post_violations([finding_from(one.probe) for one in media], kind="video", limits=limits)
    return [violation.as_field_error() for violation in broken if not violation.convertible]


ROUTES = (Route("POST", "/v1/posts/validate", Capability.POSTS, validate, doc=doc.VALIDATE, per_account=True),)
