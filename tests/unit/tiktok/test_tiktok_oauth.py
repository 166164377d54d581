from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from libs.tiktok.errors import Class
from libs.tiktok.oauth import App, Denied, Granted, UserTokens, authorize_url, challenge, read_callback

VERIFIER = "Sim0-Verifier_1.2~3456789012345678901234567890ABC"


def test_the_fact_sheets_pkce_vector_is_reproduced_in_hex() -> None:
    assert challenge(VERIFIER) == "02228f2674e164134c872c9bc575fd32585d4e8655ac7ed1a01fd773f9f70950"


@pytest.mark.parametrize("verifier", ["", "a" * 42, "a" * 129, "a" * 43 + "\n", "a" * 42 + "+", "é" * 43])
def test_a_verifier_outside_the_law_is_refused(verifier: str) -> None:
    with pytest.raises(ValueError, match="43 to 128"):
        challenge(verifier)


@pytest.mark.parametrize("length", [43, 128])
def test_a_verifier_of_either_bound_is_taken(length: int) -> None:
    assert len(challenge("a" * length)) == 64


@pytest.mark.row("BO-08", "BO-56")
def test_the_authorize_url_speaks_tiktoks_dialect() -> None:
    url = authorize_url(
        "https://www.tiktok.com/",
        client_key="awsimkey01",
        redirect_uri="https://app.example/cb",
        scopes=["user.info.basic", "video.publish"],
        state="a b&c",
    )

    assert url.startswith("https://www.tiktok.com/v2/auth/authorize/?client_key=awsimkey01&response_type=code&")
    assert dict(parse_qsl(urlsplit(url).query)) == {
        "client_key": "awsimkey01",
        "response_type": "code",
        "scope": "user.info.basic,video.publish",
        "redirect_uri": "https://app.example/cb",
        "state": "a b&c",
    }


def test_the_authorize_url_carries_pkce_and_the_wish_to_be_asked() -> None:
    url = authorize_url(
        "http://127.0.0.1:8090",
        client_key="k",
        redirect_uri="http://localhost:3000/cb",
        scopes=["user.info.basic"],
        state="s",
        code_challenge=challenge(VERIFIER),
        always_ask=True,
    )

    query = parse_qs(urlsplit(url).query)
    assert query["code_challenge"] == [challenge(VERIFIER)]
    assert query["code_challenge_method"] == ["S256"]
    assert query["disable_auto_auth"] == ["1"]


def test_a_granted_callback_names_the_scopes_left_on_and_keeps_the_code_as_it_is() -> None:
    url = "https://app.example/cb?code=Zx9%2A0%216410.va&scopes=user.info.basic%2Cvideo.publish&state=xyz"

    back = read_callback(dict(parse_qsl(urlsplit(url).query)))

    assert back == Granted(code="Zx9*0!6410.va", scopes=("user.info.basic", "video.publish"), state="xyz")
    assert "Zx9" not in repr(back)


def test_a_denied_callback_is_read_by_the_table() -> None:
    back = read_callback({"error": "access_denied", "error_description": "User denied", "state": "xyz"})

    assert isinstance(back, Denied)
    assert (back.reading.code, back.reading.kind) == ("access_denied", Class.USER_FIXABLE)
    assert (back.description, back.state) == ("User denied", "xyz")


@pytest.mark.parametrize("query", [{}, {"state": "xyz"}, {"code": ""}, {"error": ""}])
def test_a_callback_that_says_neither_is_neither(query: dict[str, str]) -> None:
    assert read_callback(query) is None


def test_an_error_beside_a_code_is_no_grant() -> None:
    assert isinstance(read_callback({"code": "c", "error": "server_error"}), Denied)


def test_credentials_and_tokens_do_not_show() -> None:
    tokens = UserTokens.model_validate(
        {
            "access_token": "act.simAAA111",
            "expires_in": 86400,
            "open_id": "-000simUser01",
            "refresh_token": "rft.simBBB222",
            "refresh_expires_in": 31536000,
            "scope": "user.info.basic, video.publish,",
            "token_type": "Bearer",
        }
    )

    assert tokens.scopes == ("user.info.basic", "video.publish")
    shown = f"{tokens!r} {tokens} {tokens.model_dump()} {App('awsimkey01', 's3cr3t')!r}"
    assert not any(secret in shown for secret in ("simAAA111", "simBBB222", "s3cr3t"))
