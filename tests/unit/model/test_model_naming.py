"""Events in Postproxy's names: every one that an endpoint of that naming can hear has one, and nothing is lost."""

import orjson

from libs.model.endpoint import Naming, naming_errors
from libs.model.event_type import EventType
from libs.model.naming import NAMES, spoken, types_of
from libs.model.payload import PAYLOADS
from libs.model.sample import example


def test_every_event_that_has_a_name_is_spoken_in_it_and_says_what_it_said() -> None:
    for type_, name in NAMES.items():
        ours = example(type_)

        said = orjson.loads(spoken(orjson.dumps(ours).decode()))

        assert said["type"] == name and type_ in types_of(name)
        assert said["id"] == ours["id"] and said["timestamp"] == ours["timestamp"]
        assert {**ours["data"], "stats": None}.items() <= {**said["data"], "stats": None}.items()
        assert said["data"].get("profile_id") == ours["data"].get("account_id")


def test_a_posts_numbers_have_postproxys_names_and_tiktoks_stand_beside() -> None:
    said = orjson.loads(spoken(orjson.dumps(example(EventType.POST_STATS)).decode()))["data"]

    assert said["raw"] == example(EventType.POST_STATS)["data"]["stats"]
    assert said["stats"] == {"impressions": 8123, "likes": 640, "comments": 31, "shares": 12}


def test_an_endpoint_hears_in_one_set_of_names() -> None:
    assert naming_errors(("post.*", "*", "post.cancelled"), Naming.NATIVE) == []
    errors = naming_errors(("post.published", "post.*", "post.cancelled"), Naming.POSTPROXY)
    assert [(error.field, error.code) for error in errors] == [
        ("events.1", "no_such_name"), ("events.2", "no_such_name"),
    ]  # fmt: skip
    assert set(NAMES) < set(PAYLOADS)
