"""`python -m libs.store`: brings the database at DATABASE_URL to this program's schema (`make migrate`)."""

import asyncio
import os
import sys

from libs.store.errors import StoreError
from libs.store.migrate import migrate


def main() -> int:
    dsn = os.environ.get("DATABASE_URL", "")
    if not dsn:
        print("migrate: bad settings: DATABASE_URL is not set", file=sys.stderr)  # noqa: T201
        return 2
    try:
        applied = asyncio.run(migrate(dsn))
    except StoreError as error:
        print(f"migrate: {error}", file=sys.stderr)  # noqa: T201
        return 2
    print(f"migrate: {applied} applied, the schema is up to date")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
