"""The rules about messages."""

import pytest

from libs.broker.errors import Refused
from libs.broker.message import MAX_BODY_BYTES, Message, check_body, dead_letter_message, reply_message

JOB = Message(body=b"{}", routing_key="post.requested", message_id="m-1", correlation_id="c-1", reply_to="inbox")


@pytest.mark.parametrize("field", ["routing_key", "message_id", "correlation_id", "reply_to", "content_type", "type"])
def test_short_fields_are_bounded_in_bytes(field: str) -> None:
    fits, exceeds = "é" * 127, "é" * 128

    assert Message(**{"body": b"", "routing_key": "k", field: fits})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=field):
        Message(**{"body": b"", "routing_key": "k", field: exceeds})  # type: ignore[arg-type]


def test_body_is_bounded() -> None:
    check_body(Message(body=b"x" * MAX_BODY_BYTES, routing_key="k"))

    with pytest.raises(Refused):
        check_body(Message(body=b"x" * (MAX_BODY_BYTES + 1), routing_key="k"))


def test_body_is_not_shown_where_a_message_is_printed() -> None:
    assert "token" not in repr(Message(body=b"token", routing_key="k"))


def test_id_is_kept_or_made() -> None:
    nameless = Message(body=b"", routing_key="k")

    assert JOB.identified() is JOB
    assert nameless.identified().message_id != nameless.identified().message_id


def test_answer_goes_where_the_message_says() -> None:
    answer = reply_message(JOB, b"yes")

    assert answer == Message(body=b"yes", routing_key="inbox", correlation_id="c-1", persistent=False)
    assert reply_message(Message(body=b"", routing_key="k"), b"yes") is None


def test_dead_letter_says_why_and_steers_nowhere() -> None:
    dead = Message(body=b"bad", routing_key="k", headers={"CC": ["publisher.jobs"], "BCC": 1, "x-clipwire-reason": "?"})

    letter = dead_letter_message(dead, queue="dead", reason="r" * 501)

    assert (letter.body, letter.routing_key, letter.persistent) == (b"bad", "dead", True)
    assert letter.headers == {"x-clipwire-reason": "r" * 500, "x-clipwire-routing-key": "k"}


def test_dead_letter_without_headers_says_that_they_are_gone() -> None:
    letter = dead_letter_message(
        Message(body=b"", routing_key="k", headers={"a": 1}), queue="dead", reason="r", keep_headers=False
    )

    assert letter.headers == {
        "x-clipwire-headers-dropped": True,
        "x-clipwire-reason": "r",
        "x-clipwire-routing-key": "k",
    }
