"""Groups: each a place for one account, and who finds it taken."""

import pytest
from api_house import House

from libs.model.ids import new_id

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.row("PP-05")
async def test_a_second_account_finds_its_place_taken_and_is_told_by_whom(house: House) -> None:
    customer = await house.customer()
    first, second = [await house.account(customer, open_id=f"-000{name}") for name in "ab"]
    group = (await house.make("/v1/groups", {"customer_id": customer, "name": "brand"}))["id"]
    theirs = (await house.make("/v1/groups", {"customer_id": await house.customer(), "name": "brand"}))["id"]

    async def place(account: str, group: str | None) -> tuple[int, str, str | None]:
        said = await house.call("PATCH", f"/v1/accounts/{account}", body={"group_id": group})
        answer = said.json()
        return said.status_code, answer.get("code", ""), answer.get("account_id", answer.get("group_id"))

    assert await place(first, group) == (200, "", group)
    assert await place(first, group) == (200, "", group), "where it is already"
    assert await place(second, group) == (409, "group_taken", first)
    connect = await house.post("/v1/accounts/connect", {"customer_id": customer, "group_id": group})
    assert (connect.status_code, connect.json()["code"], connect.json()["account_id"]) == (409, "group_taken", first)
    again = {"customer_id": customer, "group_id": group, "account_id": first}
    assert (await house.post("/v1/accounts/connect", again)).status_code == 201
    for nobodys in (theirs, new_id("grp", house.now())):
        assert (await place(second, nobodys))[:2] == (422, "invalid_request")
    assert await place(first, None) == (200, "", None)
    assert await place(second, group) == (200, "", group)
