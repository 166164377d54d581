"""What is shown back of somebody else's words holds no secret, and says what anybody needs to find the mistake."""

import secrets
from datetime import UTC, datetime

import pytest

from libs.model.ids import new_id
from libs.model.key import new_secret
from libs.model.problem import FieldError, invalid, not_found
from libs.model.veil import veil

NOW = datetime(2026, 11, 20, tzinfo=UTC)

SECRETS = [new_secret(), f"act.{secrets.token_urlsafe(32)}", f"whsec_{secrets.token_urlsafe(24)}9aZ"]


@pytest.mark.parametrize("secret", SECRETS, ids=["key", "access token", "signing secret"])
def test_a_secret_in_any_place_of_an_error_is_not_shown_back(secret: str) -> None:
    problem = invalid([FieldError(f"media.{secret}", "x", "y", found=f"{secret} as it was sent")])

    assert secret[6:30] not in str(problem.as_dict()) + str(not_found("post", secret).as_dict())
    assert problem.errors[0].found == f"…({len(secret)} characters) as it was sent"


def test_the_fields_that_vendors_name_are_shown_as_they_name_them() -> None:
    names = ["tiktokSettings.content_preview_confirmed", "platforms.1.platformSpecificData.allow_duet",
             "tiktokSettings.commercialContentType"]  # fmt: skip

    assert [FieldError(name, "x", "y").field for name in names] == names


def test_a_url_is_shown_without_its_query() -> None:
    assert (
        veil("ftp://a.example/v.mp4?sig=abc and https://b.example/?x")
        == "ftp://a.example/v.mp4?… and https://b.example/?…"
    )


@pytest.mark.timeout(20)
@pytest.mark.parametrize("word", ["://", "a://b/", "://?", "x" * 5])
def test_a_long_text_of_whatever_is_veiled_in_its_own_time(word: str) -> None:
    text = word * 200_000

    shown = veil(text)

    assert len(shown) <= len(text) + 1 and shown != ""


def test_of_a_path_only_the_piece_that_looks_random_is_hidden() -> None:
    assert veil(f"/v1/posts/{SECRETS[0]}/timeline") == f"/v1/posts/…({len(SECRETS[0])} characters)/timeline"


@pytest.mark.parametrize(
    "text",
    ["privacy_level", "PUBLIC_TO_EVERYONE", "video_cover_timestamp_ms", "America/Argentina/Nowhere", new_id("med", NOW),
     "2026-11-20T09:30:00.123456+01:00", "2,201 characters", "https://a.example/A-long-name/v9.mp4",
     "/v1/consumers/MyConsumer9/acknowledge"],
    ids=range(9),  # fixed: an id of ours is another one in each process of a run
)  # fmt: skip
def test_names_ids_times_and_plain_urls_stay(text: str) -> None:
    assert veil(text) == text
