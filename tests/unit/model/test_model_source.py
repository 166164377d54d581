"""Media URLs are kept without their query, which may be a signature, and still tell requests apart."""

from libs.model.source import cut, veiled

SIGNED = "https://a.example/v.mp4?X-Signature=secret"


def test_a_url_is_shown_without_its_query_and_an_id_as_it_is() -> None:
    assert cut(SIGNED) == "https://a.example/v.mp4?…"
    assert cut("https://a.example/v.mp4") == "https://a.example/v.mp4"
    assert cut("med_1") == "med_1"


def test_what_is_kept_in_clear_has_no_query_and_what_is_sealed_is_the_whole() -> None:
    request = {"kind": "video", "media": [SIGNED], "cover": SIGNED + "2", "title": "t?"}

    kept, sealed = veiled(request)

    assert "secret" not in str(kept)
    assert kept | sealed == request
    assert cut(kept["media"][0]) == cut(SIGNED)


def test_other_queries_are_other_content_and_the_same_the_same() -> None:
    one, same, other = (veiled({"media": [url]})[0] for url in (SIGNED, SIGNED, SIGNED + "2"))

    assert one == same != other


def test_what_has_no_query_is_kept_as_it_is_and_nothing_is_sealed() -> None:
    request = {"media": ["med_1", "https://a.example/v.mp4"], "cover": None}

    assert veiled(request) == (request, {})
