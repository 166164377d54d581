"""What can go wrong with the store.

StoreError
├── Stale            the row changed since it was read: somebody else went on with it; drop the work
├── Contended        two transactions were in each other's way and this one gave way; nothing was saved, do it again
├── Unavailable      Postgres does not answer; nothing was saved, try later
├── BadData          a value that Postgres cannot hold; trying again cannot help
├── Illegal          a row that the schema refuses: a rule of ours would be broken, or what it names is not there
├── WrongKey         a sealed value opens with none of the encryption keys
└── SchemaMismatch   the database is newer or older than this program
"""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg


class StoreError(Exception):
    """Something is wrong with the store."""


class Stale(StoreError):
    """The row changed since it was read."""


class Contended(StoreError):
    """Two transactions were in each other's way; this one gave way."""


class Unavailable(StoreError):
    """Postgres does not answer."""


class BadData(StoreError):
    """A value that Postgres cannot hold."""


class Illegal(StoreError):
    """The schema refuses the row; trying the same again cannot help."""


class WrongKey(StoreError):
    """A sealed value opens with none of the keys in CLIPWIRE_ENCRYPTION_KEYS; add the key it was sealed with."""


class SchemaMismatch(StoreError):
    """The database's schema is not this program's."""


_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, crashed, cancelled
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.PostgresSystemError,
    asyncpg.IdleInTransactionSessionTimeoutError,  # we were frozen in the middle (libs/store/pool.py)
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.ReadOnlySQLTransactionError,  # a primary that has become a standby
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection used while the server was ending it
    ConnectionError,
    TimeoutError,
    OSError,
)


@contextmanager
def translated() -> Iterator[None]:
    """Turns the driver's errors into this room's, once, at the edge. Data errors of the driver count as bad data."""
    try:
        yield
    except (asyncpg.DataError, asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError) as error:
        raise BadData(_without_the_value(error)) from error
    except asyncpg.IntegrityConstraintViolationError as error:
        if isinstance(error, asyncpg.CheckViolationError) and not getattr(error, "constraint_name", None):
            # No rule of ours, they have names: a row bound for the default partition, whose own was made meanwhile.
            raise Contended(_headline(error)) from error
        raise Illegal(_headline(error)) from error
    except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError) as error:
        raise Contended(_headline(error)) from error
    except _AWAY as error:
        raise Unavailable(f"{type(error).__name__}: {error}") from error


@contextmanager
def opening(dsn: str) -> Iterator[None]:
    """Around a program's first words with the database: `Unavailable` says which one, and what to do."""
    try:
        with translated():
            yield
    except Unavailable as error:
        raise Unavailable(
            f"DATABASE_URL: PostgreSQL at {_place(dsn)} cannot be used ({error}); start it, or correct the setting"
        ) from error


def _place(dsn: str) -> str:
    """Host, port and database; neither user nor password, also where that holds a slash that nobody encoded."""
    place = dsn.partition("://")[2].partition("?")[0].rpartition("@")[2]
    return place if place.partition("/")[0] else f"a local socket{place}"


def _without_the_value(error: asyncpg.PostgresError) -> str:
    """The driver quotes what it cannot encode: `invalid input for query argument $7: … (value out of int64 range)`."""
    said = _headline(error)
    if not said.startswith("invalid input for query argument"):
        return said
    what, _, rest = said.partition(":")
    return f"{what} ({rest.rpartition(' (')[2]}"


def _headline(error: asyncpg.PostgresError) -> str:
    """What happened, without the details: those quote the row, and a row holds what no log may."""
    return str(error).partition("\n")[0]
