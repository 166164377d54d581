"""What `make bench` says of figures that are not what they have to be: in words, in JSON and by its exit code."""

import json
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench.report import Figure, Measured, Report, Spread

RATIO = Spread((0.5, 0.6, 0.9))


def figure(name: str, runs: tuple[float, ...] = (90.0,), **more: object) -> Figure:
    return Figure(name, "MB", Spread(runs), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "met", "said"),
    [
        (figure("free"), None, None),
        (figure("fast", bare=RATIO, ratios=RATIO, target=0.6), True, None),
        (
            figure("slow", bare=RATIO, ratios=RATIO, target=0.61),
            False,
            "slow: 0.60 of the bare limit, and it has to be ≥ 0.61",
        ),
        (figure("lean", runs=(1.0, 99.9), below=100.0), True, None),
        (figure("fat", runs=(1.0, 100.0), below=100.0), False, "fat: 100 MB, and it has to be < 100 MB"),
        (figure("shrunk", runs=(-3.0,), below=100.0), True, None),
    ],
    ids=lambda value: value.name if isinstance(value, Figure) else "",
)
def test_a_figure_is_judged_by_what_is_asked_of_it(one: Figure, met: bool | None, said: str | None) -> None:
    report = Report({}, [one, figure("beside")], [])

    assert (one.met, report.words()["figures"][0]["met"]) == (met, met)
    assert report.missed == ([said] if said else [])


@pytest.mark.parametrize(("grown", "code"), [(99.0, 0), (101.0, 1)])
def test_a_missed_figure_is_named_and_is_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], grown: float, code: int
) -> None:
    async def measure(*_: object) -> Report:
        return Report({}, Measured([figure("growth", runs=(grown,), below=100.0)]).figures, [])

    path = tmp_path / "bench.json"
    assert bench.main(["--json", str(path)], measured=measure) == code

    shown = capsys.readouterr()
    assert json.loads(path.read_text())["figures"][0]["met"] is (code == 0)
    assert ("bench: missed: growth: 101 MB" in shown.err) == bool(code)
    assert "< 100 MB" in shown.out
