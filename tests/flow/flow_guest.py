"""A customer on the stage of `flow_house`, and what one does with it, in one line each."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.eventually import eventually

if TYPE_CHECKING:
    from flow_house import Stage

PATIENCE_S = 20.0
"""Real seconds: what takes longer on a busy machine is taken for never."""
STEPS = frozenset({"post.accepted", "post.uploading", "post.uploaded", "post.processing", "media.ready"})


@dataclass(frozen=True)
class Guest:
    """A customer with one TikTok account and one endpoint, which ends in the simulator's scripted customer `name`."""

    stage: "Stage" = field(repr=False)
    name: str
    customer_id: str
    account_id: str
    open_id: str
    endpoint_id: str
    secret: str = field(repr=False)

    async def post(self, *, status: int = 201, **request: Any) -> dict[str, Any]:
        """Asks for a private video post of the sample, with `request` on top."""
        usual = {
            "customer_id": self.customer_id,
            "account_id": self.account_id,
            "kind": "video",
            "media": [f"{self.stage.urls['simulator']}/_sim/sample.mp4"],
            "privacy_level": "SELF_ONLY",
            "title": f"post {next(self.stage.count)}",  # two posts of the same words would look like one sent twice
        }
        wanted = {name: value for name, value in (usual | request).items() if value is not None}
        made: dict[str, Any] = await self.stage.api("POST", "posts", wanted, status=status)
        return made

    async def published(self, **request: Any) -> dict[str, Any]:
        """A post that has gone out, by webhook."""
        return await self.stage.until((await self.post(**request))["id"], "published")

    async def fault(self, do: str, **more: Any) -> None:
        """Something goes wrong with this account only."""
        await self.stage.sim("POST", "faults", {"do": do, "open_id": self.open_id, **more})

    async def says(self, event: str, content: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """TikTok says this by webhook, signed, and ingest has answered 200."""
        return await self.stage.says(event, content, user_openid=self.open_id, **more)

    async def inbox(self, type_: str | None = None) -> list[dict[str, Any]]:
        """What arrived at the endpoint, oldest first; every signature is judged."""
        found = await self.stage.sim("GET", f"customer/{self.name}/inbox")
        assert found["bad_signatures"] == 0
        return [item for item in found["items"] if type_ in (None, item["type"])]

    async def heard(self) -> list[str]:
        """The types of all events that arrived, in any order, once everything has come to rest; none came twice."""
        await self.stage.quiet()
        items = await self.inbox()
        twice = [id_ for id_, count in Counter(item["id"] for item in items).items() if count > 1]
        assert not twice
        return [item["type"] for item in items]

    async def heard_of(self, post: Mapping[str, Any]) -> Counter[str]:
        """How often each type of event arrived about this post, but for the steps on its way."""
        await self.heard()
        told = [item["json"] for item in await self.inbox() if item["json"]["data"].get("post_id") == post["id"]]
        return Counter(body["type"] for body in told if body["type"] not in STEPS)

    async def steps(self, post: Mapping[str, Any]) -> list[str]:
        """What was recorded of this post for its customer, in the order every feed has."""
        query = "select array_agg(type order by xid, id) as told from events where post_id = $1 and type like 'post.%'"
        return [type_.removeprefix("post.") for type_ in (await self.stage.row(query, post["id"]))["told"]]

    async def test_event(self) -> str:
        """A `webhook.test` for the endpoint; its event id."""
        made = await self.stage.api("POST", f"endpoints/{self.endpoint_id}/test", status=202)
        return str(made["event_id"])

    async def delivery(self, event_id: str) -> dict[str, Any]:
        """What became of an event at the endpoint, with every attempt."""
        query = f"deliveries?event_id={event_id}&endpoint_id={self.endpoint_id}"
        [found] = (await self.stage.api("GET", query))["data"]
        detail: dict[str, Any] = await self.stage.api("GET", f"deliveries/{found['id']}")
        return detail

    async def tried(self, event_id: str, times: int) -> dict[str, Any]:
        """The delivery, once it was tried so often and nothing more happens at this moment."""

        async def done() -> dict[str, Any]:
            await self.stage.quiet()
            found = await self.delivery(event_id)
            assert len(found["attempts"]) == times, found
            return found

        return await eventually(done, timeout=PATIENCE_S)

    async def answers(self, *script: Mapping[str, Any], **always: Any) -> None:
        """The endpoint answers so: `script` once each, then `always`."""
        await self.stage.sim("PUT", f"customer/{self.name}", {"script": list(script), "answer": always or None})

    async def creator(self, **state: Any) -> None:
        """Something changes for the creator at TikTok."""
        await self.stage.sim("PATCH", f"accounts/{self.open_id}", state)

    async def account(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.stage.api("GET", f"accounts/{self.account_id}")
        return found
