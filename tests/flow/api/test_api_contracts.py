"""The contracts are served to everybody."""

import pytest
from api_house import House

from libs.model.event import EventType

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_schemas_examples_and_the_asyncapi_document_need_no_key(house: House) -> None:
    every = (await house.get("/v1/event-types", key="")).json()["data"]
    one = (await house.get("/v1/event-types/post.published", key="")).json()
    document = (await house.get("/v1/asyncapi.json", key="")).json()

    assert [each["type"] for each in every] == [str(type_) for type_ in EventType]
    assert one in every and one["example"]["data"]["post_id"] and one["schema"]["properties"]["data"]
    assert document["asyncapi"] == "3.0.0"


async def test_an_unknown_type_is_a_problem(house: House) -> None:
    answer = await house.get("/v1/event-types/post.unknown", key="")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
