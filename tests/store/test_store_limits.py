"""How often TikTok is asked follows what it allows an app, counted in the store across replicas."""

from datetime import timedelta

import pytest
from store_place import NOW, SECOND, Place

from libs.accounts.budget import Budget
from libs.accounts.limit import PER_MINUTE, WINDOW, Call, read_limits


@pytest.mark.row("BO-44")
@pytest.mark.parametrize(("setting", "most"), [("", 6), ("video_init=2", 2), (" inbox_init=9 , video_init=8 ", 8)])
async def test_an_account_makes_as_many_inits_a_minute_as_the_setting_says(
    place: Place, setting: str, most: int
) -> None:
    account = await place.account()
    replicas = [Budget(place.store, per_minute=read_limits(setting)) for _ in range(2)]

    slots = [await replicas[n % 2].take(account.id, Call.VIDEO_INIT, now=NOW) for n in range(most + 2)]

    assert [slot is not None for slot in slots] == [True] * most + [False] * 2
    for slot in slots[:most]:
        assert slot is not None
        await replicas[0].used(slot, now=NOW)
    assert await replicas[1].take(account.id, Call.VIDEO_INIT, now=NOW + WINDOW - SECOND) is None
    assert await replicas[1].take(account.id, Call.VIDEO_INIT, now=NOW + WINDOW + timedelta(seconds=1)) is not None


def test_what_is_left_out_is_tiktoks_own() -> None:
    assert read_limits("creator_info=40") == PER_MINUTE | {Call.CREATOR_INFO: 40}


@pytest.mark.parametrize(
    "setting", ["init=6", "video_init", "video_init=0", "video_init=601", "video_init=six", "status_idle=3"]
)
def test_a_setting_that_means_nothing_is_refused_by_name(setting: str) -> None:
    with pytest.raises(ValueError, match=setting.partition("=")[0]):
        read_limits(setting)
