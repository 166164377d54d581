import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.tiktok.signature import Verdict, sign, verify

SECRET = "sim_client_secret"
T = 1770210871
BODY = (
    rb'{"client_key":"awsimkey01","event":"post.publish.complete","create_time":1770210870,'
    rb'"user_openid":"-000simUser01","content":"{\"publish_id\":\"v_pub_file~v2-1.7602990000000000001\",'
    rb'\"publish_type\":\"DIRECT_PUBLISH\"}"}'
)
HEX = "b6ed76e41e2ddb85d04c98b573926b503cf9f3f9611498060393ca72edb2f14f"
DAYS_3 = 72 * 3600


def judged(header: str | None, *, body: bytes = BODY, secrets: tuple[str, ...] = (SECRET,), now: int = T) -> Verdict:
    return verify(body, header, secrets=secrets, now=now, max_age_s=DAYS_3)


def test_the_fact_sheets_vector_is_reproduced_and_verifies() -> None:
    assert len(BODY) == 219
    assert sign(BODY, secret=SECRET, t=T) == f"t={T},s={HEX}"
    assert judged(f"t={T},s={HEX}") is Verdict.OK


@pytest.mark.parametrize("header", [None, ""])
def test_no_header_is_missing(header: str | None) -> None:
    assert judged(header) is Verdict.MISSING


@pytest.mark.parametrize(
    "header",
    [
        "nonsense",
        f"s={HEX},t={T}",
        f"t={T}, s={HEX}",
        f" t={T},s={HEX}",
        f"t={T},s={HEX}\n",
        f"t={T},s={HEX},v=1",
        f"t={T},s={HEX},s={HEX}",
        f"t={T},v1={HEX}",
        f"T={T},S={HEX}",
        f"t={T},s={HEX.upper()}",
        f"t={T},s={HEX[:-1]}",
        f"t={T},s={HEX}0",
        f"t={T},s={HEX[:-1]}g",
        f"t=,s={HEX}",
        f"t=-{T},s={HEX}",
        f"t=+{T},s={HEX}",
        f"t={T}.0,s={HEX}",
        f"t=1_770,s={HEX}",
        f"t={'9' * 13},s={HEX}",
        f"t={'9' * 100_000},s={HEX}",
        f"t=١٧٧٠٢١٠٨٧١,s={HEX}",
        f"t={T}",
        f"s={HEX}",
        f"t={T},s=",
        "t=" * 10_000,
    ],
)
def test_any_form_but_tiktoks_is_malformed(header: str) -> None:
    assert judged(header) is Verdict.MALFORMED


def test_one_changed_byte_is_mismatched_wherever_it_is() -> None:
    header = sign(BODY, secret=SECRET, t=T)

    verdicts = {judged(header, body=BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :]) for at in range(len(BODY))}

    assert verdicts == {Verdict.MISMATCHED}


@pytest.mark.parametrize(
    ("header", "secrets"),
    [
        (f"t={T},s={'0' * 64}", (SECRET,)),
        (f"t={T + 1},s={HEX}", (SECRET,)),
        (f"t=0{T},s={HEX}", (SECRET,)),
        (f"t={T},s={HEX}", ("other",)),
        (f"t={T},s={HEX}", ()),
    ],
)
def test_another_signature_time_or_secret_is_mismatched(header: str, secrets: tuple[str, ...]) -> None:
    assert judged(header, secrets=secrets) is Verdict.MISMATCHED


@pytest.mark.parametrize("secrets", [(SECRET, "new"), ("new", SECRET), ("a", "b", SECRET)])
def test_any_live_secret_will_do_while_rotating(secrets: tuple[str, ...]) -> None:
    assert judged(sign(BODY, secret=SECRET, t=T), secrets=secrets) is Verdict.OK


def test_an_empty_secret_neither_signs_nor_verifies() -> None:
    forged = hmac.digest(b"", f"{T}.".encode() + BODY, "sha256").hex()

    assert judged(f"t={T},s={forged}", secrets=("",)) is Verdict.MISMATCHED
    with pytest.raises(ValueError, match="empty"):
        sign(BODY, secret="", t=T)


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        (T, Verdict.OK),
        (T + DAYS_3, Verdict.OK),
        (T + DAYS_3 + 1, Verdict.TOO_OLD),
        (T - 300, Verdict.OK),
        (T - 301, Verdict.IN_FUTURE),
    ],
)
def test_age_is_judged_to_the_second_both_ways(now: int, verdict: Verdict) -> None:
    assert judged(sign(BODY, secret=SECRET, t=T), now=now) is verdict


def test_a_forged_old_signature_is_mismatched_not_too_old() -> None:
    assert judged(f"t=1,s={HEX}") is Verdict.MISMATCHED


@given(
    body=st.binary(max_size=4096),
    secret=st.text(st.characters(codec="utf-8"), min_size=1),
    t=st.integers(0, 10**12 - 1),
)
def test_what_is_signed_verifies(body: bytes, secret: str, t: int) -> None:
    assert verify(body, sign(body, secret=secret, t=t), secrets=[secret], now=t, max_age_s=0) is Verdict.OK


@given(body=st.binary(max_size=64), header=st.none() | st.text() | st.from_regex(r"t=.*,s=.*"))
def test_no_header_ever_raises_or_passes(body: bytes, header: str | None) -> None:
    assert verify(body, header, secrets=[SECRET], now=T, max_age_s=DAYS_3) is not Verdict.OK
