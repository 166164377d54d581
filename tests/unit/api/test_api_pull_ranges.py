"""Ranges of a pull: what may be ignored is, what cannot be met is said; and the signature file's setting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.runtime.settings import SettingsError, load
from libs.store.vault import new_key
from services.api.resource.pulls import Unsatisfiable, sliced
from services.api.settings import ApiSettings

SLICES: dict[str | None, tuple[int, int] | None] = {
    None: None,
    "bytes=0-": (0, 99),
    "bytes=0-0": (0, 0),
    "bytes=10-19": (10, 19),
    "bytes=90-500": (90, 99),
    "bytes=-1": (99, 99),
    "bytes=-500": (0, 99),
    "bytes=5-4": None,
    "bytes=0-1,5-6": None,
    "bytes=-": None,
    "items=0-1": None,
    "bytes=٣-": None,
    "nonsense": None,
}


@pytest.mark.parametrize(("header", "expected"), SLICES.items())
def test_a_range_is_what_rfc_9110_makes_of_it(header: str | None, expected: tuple[int, int] | None) -> None:
    assert sliced(header, size=100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_past_the_end_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        sliced(header, size=100)


@given(header=st.text(max_size=30) | st.from_regex(r"bytes=\d{0,20}-\d{0,20}", fullmatch=True), size=st.integers(1, 99))
def test_no_header_reaches_outside_the_file(header: str, size: int) -> None:
    try:
        part = sliced(header, size=size)
    except Unsatisfiable:
        return
    assert part is None or 0 <= part[0] <= part[1] < size


def settings(tokens: str) -> ApiSettings:
    environ = {
        "DATABASE_URL": "postgresql:///x",
        "CLIPWIRE_ENCRYPTION_KEYS": new_key(),
        "MEDIA_URL": "file:///x",
        "TIKTOK_SITE_VERIFICATION": tokens,
    }
    return load(ApiSettings, environ)


def test_a_signature_file_may_be_given_by_its_token_its_name_or_its_content() -> None:
    given = settings("abc1,tiktokabc2.txt,tiktok-developers-site-verification=abc3")

    assert given.tiktok_site_verification == ("abc1", "abc2", "abc3")


@pytest.mark.parametrize("bad", ["a/b", "tiktok.txt", "../x", "a b"])
def test_what_is_no_signature_file_is_refused_at_the_start(bad: str) -> None:
    with pytest.raises(SettingsError, match="TIKTOK_SITE_VERIFICATION"):
        settings(bad)
