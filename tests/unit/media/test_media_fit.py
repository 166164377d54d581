"""The arithmetic of conversion, for every size and rate there may be."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.media.fit import Canvas, canvas, frame_rate, photo_size

SIDES = st.integers(1, 20_000)


@pytest.mark.row("SS-30")
@given(SIDES, SIDES)
def test_a_photo_fits_keeps_its_shape_and_never_grows(width: int, height: int) -> None:
    new_width, new_height = photo_size(width, height, short_side_max=1080, long_side_max=1920)

    assert 1 <= new_width <= width
    assert 1 <= new_height <= height
    assert min(new_width, new_height) <= 1080
    assert max(new_width, new_height) <= 1920
    scale = min(1, 1080 / min(width, height), 1920 / max(width, height))
    assert abs(new_width - width * scale) <= 1
    assert abs(new_height - height * scale) <= 1


@pytest.mark.parametrize(
    ("size", "fitted"),
    [
        ((1080, 1920), (1080, 1920)),
        ((1920, 1080), (1920, 1080)),
        ((2160, 3840), (1080, 1920)),
        ((4000, 3000), (1440, 1080)),
        ((1254, 1254), (1080, 1080)),
        ((1086, 1448), (1080, 1440)),
        ((300, 400), (300, 400)),
        ((10_000, 1), (1920, 1)),
    ],
)
def test_photo_sizes_are_what_a_person_would_choose(size: tuple[int, int], fitted: tuple[int, int]) -> None:
    assert photo_size(*size, short_side_max=1080, long_side_max=1920) == fitted


@given(SIDES, SIDES)
def test_a_canvas_is_always_legal_even_and_holds_the_picture(width: int, height: int) -> None:
    made = canvas(width, height, side_min=360, short_side_max=1080, long_side_max=1920)

    assert all(side % 2 == 0 for side in (made.width, made.height, made.picture_width, made.picture_height))
    assert 360 <= min(made.width, made.height) <= 1080
    assert max(made.width, made.height) <= 1920
    assert 2 <= made.picture_width <= made.width
    assert 2 <= made.picture_height <= made.height


@pytest.mark.parametrize(
    ("size", "made"),
    [
        ((1080, 1920), Canvas(1080, 1920, 1080, 1920)),
        ((2160, 3840), Canvas(1080, 1920, 1080, 1920)),
        ((358, 640), Canvas(360, 642, 360, 642)),
        ((359, 640), Canvas(360, 640, 360, 640)),
        ((100, 100), Canvas(360, 360, 360, 360)),
        ((4097, 360), Canvas(1920, 360, 1920, 168)),
        ((100, 5000), Canvas(360, 1920, 38, 1920)),
    ],
)
def test_canvases_are_what_a_person_would_choose(size: tuple[int, int], made: Canvas) -> None:
    assert canvas(*size, side_min=360, short_side_max=1080, long_side_max=1920) == made


@given(st.floats(0, 10_000), st.none() | st.floats(0, 10_000), st.booleans())
def test_a_frame_rate_is_always_legal(average: float, nominal: float | None, variable: bool) -> None:
    assert 23 <= frame_rate(average, nominal=nominal, variable=variable, low=23, high=60) <= 60


@pytest.mark.parametrize(
    ("average", "nominal", "variable", "rate"),
    [
        (30.0, 30.0, False, 30),
        (29.97, 29.97, False, Fraction(30000, 1001)),
        (23.976, None, False, Fraction(24000, 1001)),
        (29.667, 30.0, False, 30),
        (59.94, None, False, Fraction(60000, 1001)),
        (12.5, None, False, 25),
        (22.0, 22.0, False, 44),
        (5.0, None, False, 25),
        (1.0, None, False, 23),
        (61.0, 61.0, False, 60),
        (120.0, 120.0, False, 60),
        (144.0, None, False, 48),
        (240.0, None, False, 60),
        (30.169, 60.0, True, 30),
        (75.0, None, True, 60),
        (10.0, 90_000.0, True, Fraction(24000, 1001)),
        (0.0, None, False, 60),
    ],
)
def test_frame_rates_are_what_an_editor_would_choose(
    average: float, nominal: float | None, variable: bool, rate: Fraction
) -> None:
    chosen = frame_rate(average, nominal=nominal, variable=variable, low=23, high=60)

    assert chosen == rate
