"""The customer's own judgement of signatures, against the public vectors."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.simulator.customer.verdict import judge

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
BODY = b'{"test": 2432232314}'
V1 = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
V1A = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
HEADERS = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330", "webhook-signature": V1}
NOW = datetime.fromtimestamp(1614265330, UTC)


@pytest.mark.parametrize(
    ("signature", "keys", "seen", "scheme"),
    [
        (V1, (SECRET,), "valid", "v1"),
        (V1A, (PUBLIC,), "valid", "v1a"),
        (f"{V1A} {V1}", (SECRET,), "valid", "v1"),
        (f"v1,AAAA  x v9,zz {V1}", (PUBLIC, SECRET), "valid", "v1"),
        (V1, (PUBLIC,), "invalid", None),
        (V1, (), "unjudged", None),
        (V1.replace("g0", "g1"), (SECRET,), "invalid", None),
        ("v1," + V1[3:] + "!", (SECRET,), "invalid", None),
        ("", (SECRET,), "missing", None),
    ],
)
def test_public_vectors_and_near_misses(signature: str, keys: tuple[str, ...], seen: str, scheme: str | None) -> None:
    verdict = judge({**HEADERS, "webhook-signature": signature}, BODY, keys=keys, now=NOW)

    assert (verdict.signature, verdict.scheme) == (seen, scheme)
    assert verdict.good is (seen == "valid")


def test_an_old_signature_is_valid_and_not_fresh() -> None:
    late = datetime.fromtimestamp(1614265330 + 301, UTC)
    verdict = judge(HEADERS, BODY, keys=(SECRET,), now=late)
    assert (verdict.signature, verdict.fresh, verdict.good) == ("valid", False, False)


@given(st.dictionaries(st.sampled_from(sorted(HEADERS)), st.text(max_size=80)), st.binary(max_size=50))
def test_no_header_makes_it_crash_or_believe(changed: dict[str, str], body: bytes) -> None:
    verdict = judge({**HEADERS, **changed}, body, keys=(SECRET, PUBLIC, "whpk_x", "whsec_!"), now=NOW)
    assert verdict.signature != "valid"
