"""Posts from a CSV file: row by row, dry first, and never twice."""

import asyncio
from typing import Any

import pytest
from api_house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

CSV = {"Content-Type": "text/csv"}
HEAD = "account_id,kind,media,title,privacy_level,metadata.order"


async def send(
    house: House, customer: str, text: str | bytes, *, dry: bool = False, key: str = "", status: int = 200
) -> dict[str, Any]:
    headers = CSV | ({"Idempotency-Key": key} if key else {})
    path = f"/v1/imports?customer_id={customer}&dry_run={str(dry).lower()}"
    answer = await house.post(path, content=text, headers=headers)
    assert answer.status_code == status, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def rows(house: House, customer: str, count: int) -> list[str]:
    account, media = await house.account(customer), await house.video(customer)
    return [f'{account},video,{media},"Title, {n}",SELF_ONLY,{n}' for n in range(count)]


async def posts(house: House, customer: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await house.get(f"/v1/posts?customer_id={customer}&limit=200")).json()["data"]
    return found


def outcomes(said: dict[str, Any]) -> list[tuple[int, str]]:
    return [(row["row"], row["outcome"]) for row in said["rows"]]


async def test_a_file_is_tried_then_imported_and_sent_again_it_makes_nothing(house: House) -> None:
    customer = await house.customer()
    lines = await rows(house, customer, 3)
    text = "\ufeff" + "\r\n".join([HEAD, lines[0], "", lines[1], "acc_wrong,film,,x,,", lines[2]]) + "\r\n"

    tried = await send(house, customer, text, dry=True)
    nothing = await posts(house, customer)
    made = await send(house, customer, text)
    again = await send(house, customer, text)
    tried_again = await send(house, customer, text, dry=True)

    assert (nothing, tried["valid"], tried["refused"]) == ([], 3, 1)
    assert outcomes(tried) == [(2, "valid"), (4, "valid"), (5, "refused"), (6, "valid")]
    wrong = {error["column"] for error in tried["rows"][2]["problem"]["errors"]}
    assert {"kind", "media"} <= wrong
    assert (made["made"], made["refused"], made["total"]) == (3, 1, 4)
    assert (again["made"], again["exists"]) == (0, 3) == (tried_again["valid"], tried_again["exists"])
    assert [row["post_ids"] for row in again["rows"]] == [row["post_ids"] for row in made["rows"]]
    there = await posts(house, customer)
    assert {post["id"] for post in there} == {id_ for row in made["rows"] for id_ in row["post_ids"]}
    assert {(post["request"]["title"], post["request"]["metadata"]["order"]) for post in there} == {
        (f"Title, {n}", str(n)) for n in range(3)
    }


async def test_a_mended_file_makes_only_what_was_wrong_before(house: House) -> None:
    customer = await house.customer()
    lines = await rows(house, customer, 2)
    bad = lines[1].replace("SELF_ONLY", "PUBLIC")

    first = await send(house, customer, "\n".join([HEAD, lines[0], bad]))
    mended = await send(house, customer, "\n".join([HEAD, *lines]))

    assert outcomes(first) == [(2, "made"), (3, "refused")]
    assert outcomes(mended) == [(2, "exists"), (3, "made")]


async def test_under_a_key_a_row_is_known_by_its_number(house: House) -> None:
    customer = await house.customer()
    lines = await rows(house, customer, 2)

    first = await send(house, customer, "\n".join([HEAD, *lines]), key="may")
    other = await send(house, customer, "\n".join([HEAD, *reversed(lines)]), key="may")
    june = await send(house, customer, "\n".join([HEAD, *lines]), key="june")

    assert (first["made"], june["made"]) == (2, 2)
    assert {row["problem"]["code"] for row in other["rows"]} == {"idempotency_conflict"}


async def test_many_copies_at_once_and_rows_that_say_the_same_make_each_row_once(house: House) -> None:
    customer = await house.customer()
    [line] = await rows(house, customer, 1)
    text = "\n".join([HEAD, line, line])

    said = await asyncio.gather(*(send(house, customer, text) for _ in range(8)))

    assert sum(one["made"] for one in said) == 2
    assert sum(one["exists"] for one in said) == 14
    assert len(await posts(house, customer)) == 2


async def test_lists_booleans_numbers_and_several_accounts_are_read(house: House) -> None:
    customer = await house.customer()
    accounts = [await house.account(customer, open_id=f"-000{n}") for n in range(2)]
    head = "account_ids;kind;media;disable_comment;photo_cover_index;mode;consent.preview_confirmed"
    photos = "https://a.example/1.jpg https://a.example/2.jpg"
    good = f"{' '.join(accounts)};photo;{photos};FALSE;1;inbox;"

    wrong = good.replace("FALSE", "no").replace(";1;", ";-1;").replace(accounts[0], "acc_wrong")

    said = await send(house, customer, f"{head}\n{good}\n{wrong}")

    [made, refused] = said["rows"]
    assert (made["outcome"], len(made["post_ids"]), made["batch_id"][:4]) == ("made", 2, "bat_")
    request = (await posts(house, customer))[0]["request"]
    assert (request["disable_comment"], request["photo_cover_index"], len(request["media"])) == (False, 1, 2)
    codes = {(error["column"], error["code"]) for error in refused["problem"]["errors"]}
    assert codes == {
        ("disable_comment", "not_a_boolean"),
        ("photo_cover_index", "not_a_number"),
        ("account_ids", "unknown_account"),
    }


@pytest.mark.parametrize(
    ("text", "field", "code"),
    [
        (b"", "", "no_header"),
        (b"kind\n", "", "no_rows"),
        (b"kind,colour\nvideo,red\n", "colour", "unknown_column"),
        (b"kind,kind\nvideo,video\n", "kind", "repeated"),
        (b"kind,customer_id\nvideo,x\n", "customer_id", "unknown_column"),
        (b"kind\n\xff\n", "", "not_utf8"),
        (b'kind\n"video\n', "", "malformed_csv"),
        (b"kind\n" + b"video\n" * 1001, "", "too_many_rows"),
        (b"kind," + b",".join(b"metadata.%d" % n for n in range(100)), "", "too_many_columns"),
    ],
)
async def test_what_is_no_such_file_is_refused_whole(house: House, text: bytes, field: str, code: str) -> None:
    said = await send(house, await house.customer(), text, status=422)

    assert [(error["field"], error["code"]) for error in said["errors"]] == [(field, code)]


async def test_a_row_with_too_many_cells_is_refused_alone_and_a_large_file_whole(house: House) -> None:
    customer = await house.customer()
    [line] = await rows(house, customer, 1)

    said = await send(house, customer, "\n".join([HEAD, line, f"{line},extra"]))
    large = await house.post(f"/v1/imports?customer_id={customer}", content=b"x" * 1_100_000, headers=CSV)
    other = await house.post(f"/v1/imports?customer_id={customer}", {"rows": []})

    assert outcomes(said) == [(2, "made"), (3, "refused")]
    assert (large.status_code, other.status_code) == (413, 415)


async def test_a_key_imports_only_for_the_accounts_it_reaches(house: House) -> None:
    mine, theirs = await house.customer(), await house.customer()
    key = await house.key(mine)
    lines = [*await rows(house, mine, 1), *await rows(house, theirs, 1)]

    said = (await house.post("/v1/imports", content="\n".join([HEAD, *lines]), headers=CSV, key=key)).json()
    other = await house.post(f"/v1/imports?customer_id={theirs}", content=HEAD + "\n,,,,,1", headers=CSV, key=key)

    assert outcomes(said) == [(2, "made"), (3, "refused")]
    assert {error["column"] for error in said["rows"][1]["problem"]["errors"]} == {"account_id", "media"}
    assert other.status_code == 422
    assert await posts(house, theirs) == []
