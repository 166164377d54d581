"""One test of a whole table: for rows by the hundred whose names would tell nobody anything."""

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

SHOWN = 5
"""Failed rows whose tracebacks are shown; all are counted."""


def each(names: str | Sequence[str], rows: Iterable[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """As `pytest.mark.parametrize`, and stacked like it, but a single test, which fails with each row that does.

    A test of its own for every row costs each process of a run ten times what a pure function does. Fixtures are those
    of the one test: rows share them.
    """
    fields = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    table = [dict(zip(fields, row if len(fields) > 1 else [row], strict=True)) for row in rows]
    assert table, f"no rows of {fields}"

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(test)
        given = [parameter for name, parameter in signature.parameters.items() if name not in fields]
        assert len(given) == len(signature.parameters) - len(fields), f"{test.__name__} does not take all of {fields}"

        if inspect.iscoroutinefunction(test):

            @functools.wraps(test)
            async def whole(*args: Any, **fixtures: Any) -> None:
                failed: list[Exception] = []
                for row in table:
                    with _noted(row, failed):
                        await test(*args, **fixtures, **row)
                _tell(failed, of=len(table))

        else:

            @functools.wraps(test)
            def whole(*args: Any, **fixtures: Any) -> None:
                failed: list[Exception] = []
                for row in table:
                    with _noted(row, failed):
                        test(*args, **fixtures, **row)
                _tell(failed, of=len(table))

        whole.__signature__ = signature.replace(parameters=given)  # type: ignore[attr-defined]
        return whole

    return decorate


@contextmanager
def _noted(row: dict[str, Any], failed: list[Exception]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        error.add_note(f"in the row {row!r}"[:1000])
        failed.append(error)


def _tell(failed: list[Exception], *, of: int) -> None:
    if failed:
        raise ExceptionGroup(f"{len(failed)} of {of} rows failed", failed[:SHOWN])
