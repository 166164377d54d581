"""Files over HTTP: samples to publish, what was published, links that expire, and the page."""

import html
from pathlib import Path

from aiohttp import web

from libs.runtime.clock import Clock
from services.simulator.engine.sample import PHOTOS, Samples
from services.simulator.script.shape import not_found, number
from services.simulator.world.record import Media, Post
from services.simulator.world.world import World

PAGE = Path(__file__).parent.parent / "page"
ASSETS = {"": "index.html", "page.css": "page.css", "page.js": "page.js"}


class Files:
    def __init__(self, world: World, clock: Clock, samples: Samples) -> None:
        self._world = world
        self._clock = clock
        self._samples = samples

    def mount(self, app: web.Application) -> None:
        add = app.router.add_get
        add("/", self.home)
        add("/_sim", self.home)
        add("/_sim/", self.asset)
        add("/_sim/{asset:page\\.(?:css|js)}", self.asset)
        add("/_sim/sample.mp4", self.video)
        add(r"/_sim/sample-{number:\d{1,2}}.jpg", self.photo)
        add("/_sim/posts/{id}/media/{place}", self.media)
        add("/_sim/posts/{id}/cover", self.cover)
        add("/_sim/cdn/avatar/{union_id}.svg", self.avatar)
        add("/_sim/cdn/cover/{id}.jpg", self.timed_cover)

    async def home(self, _: web.Request) -> web.Response:
        raise web.HTTPFound("/_sim/")

    async def asset(self, request: web.Request) -> web.StreamResponse:
        # Asked for anew each time (304 if the same): a page of one version with a script of another would be broken.
        headers = {"Cache-Control": "no-cache"}
        return web.FileResponse(PAGE / ASSETS[request.match_info.get("asset", "")], headers=headers)

    async def video(self, _: web.Request) -> web.StreamResponse:
        return web.FileResponse(await self._samples.video(), headers={"Content-Type": "video/mp4"})

    async def photo(self, request: web.Request) -> web.StreamResponse:
        wanted = int(request.match_info["number"])
        if not 1 <= wanted <= PHOTOS:
            return not_found("sample")
        return web.FileResponse(await self._samples.photo(wanted))

    async def media(self, request: web.Request) -> web.StreamResponse:
        """The very bytes TikTok received, for players and pictures."""
        post, place = self._post(request), request.match_info["place"]
        media = post.media[int(place)] if post and place.isdigit() and int(place) < len(post.media) else None
        if media is None or media.path is None or not media.path.exists():
            return not_found("file (bigger ones are hashed and not kept; older ones made room)")
        headers = {"Content-Type": _served_as(media), "X-Content-Type-Options": "nosniff"}
        return web.FileResponse(media.path, headers=headers)

    async def cover(self, request: web.Request) -> web.StreamResponse:
        post = self._post(request)
        path = _cover_path(post, self._world) if post else None
        if path is None or not path.exists():
            return not_found("cover")
        return web.FileResponse(path)

    async def timed_cover(self, request: web.Request) -> web.StreamResponse:
        """A cover link dies after 6 h, as TikTok's do."""
        return _gone() if self._late(request) else await self.cover(request)

    async def avatar(self, request: web.Request) -> web.Response:
        if self._late(request):
            return _gone()
        creator = self._world.creators.get(request.match_info["union_id"])
        if creator is None:
            return not_found("avatar")
        hue = sum(creator.username.encode()) * 37 % 360
        letter = html.escape(creator.username[:1].upper())
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
            f'<rect width="100" height="100" fill="hsl({hue},60%,45%)"/>'
            f'<text x="50" y="67" font-family="sans-serif" font-size="50" text-anchor="middle" fill="#fff">'
            f"{letter}</text>"
            "</svg>"
        )
        return web.Response(text=svg, content_type="image/svg+xml")

    def _late(self, request: web.Request) -> bool:
        return self._clock.now().timestamp() >= number(request, "x-expires", 0)

    def _post(self, request: web.Request) -> Post | None:
        given = request.match_info["id"]
        return self._world.posts.get(int(given)) if given.isascii() and given.isdigit() and len(given) < 20 else None


def _cover_path(post: Post, world: World) -> Path | None:
    if post.kind == "photo":
        pub = world.publications.get(post.publish_id) if post.publish_id else None
        place = pub.cover_index if pub else 0
        return post.media[place].path if place < len(post.media) else None
    facts = post.media[0].facts if post.media else None
    return Path(facts["cover"]) if facts and facts.get("cover") else None


def _served_as(media: Media) -> str:
    """Only picture and film types: a stranger's bytes must not run as a page here."""
    kind = media.content_type.partition(";")[0].strip().lower()
    allowed = ("video/mp4", "video/quicktime", "video/webm", "image/jpeg", "image/webp")
    return kind if kind in allowed else "application/octet-stream"


def _gone() -> web.Response:
    return web.Response(status=403, text="URL signature expired")
