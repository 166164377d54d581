"""How media are shown, whether they are here or on their way."""

from collections.abc import Sequence

from libs.rest.media import MediaAnswer, Progress, RenditionAnswer
from libs.store.arrivals import Arrival
from libs.store.media import Media, Rendition
from services.api.call import Call


def shown(media: Media, renditions: Sequence[Rendition] = ()) -> MediaAnswer:
    return MediaAnswer(
        id=media.id,
        customer_id=media.customer_id,
        size=media.size,
        sha256=media.sha256.hex(),
        content_type=media.content_type,
        probe=media.probe,
        state=media.state,
        made_from=media.made_from,
        renditions=tuple(_rendition(one) for one in renditions),
        created_at=media.created_at,
    )


async def with_renditions(call: Call, files: Sequence[Media]) -> list[MediaAnswer]:
    """Each with what conversion makes of it."""
    made = await call.desk.store.renditions.of([media.id for media in files])
    return [shown(media, [one for one in made if one.media_id == media.id]) for media in files]


def coming_soon(arrival: Arrival) -> MediaAnswer:
    return MediaAnswer(
        id=arrival.id,
        customer_id=arrival.customer_id,
        state=arrival.state,
        made_from=None,
        size=arrival.size,
        sha256=arrival.sha256.hex() if arrival.sha256 else None,
        content_type=None,
        probe=None,
        progress=Progress(received=arrival.received, expected=arrival.expected or arrival.size),
        problem=arrival.problem,
        created_at=arrival.created_at,
    )


def _rendition(one: Rendition) -> RenditionAnswer:
    return RenditionAnswer.model_validate(
        {
            "recipe": one.recipe,
            "state": one.state,
            "media_id": one.made_id,
            "changes": one.changes,
            "problem": one.problem,
        }
    )
