"""The corpus as files, and workers to open them with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from media_corpus import CORPUS, CorpusFile

from libs.media.workers import Workers


@pytest.fixture(scope="session")
def corpus_file(tmp_path_factory: pytest.TempPathFactory) -> CorpusFile:
    """The corpus's file of that name, made on first use."""
    folder = tmp_path_factory.mktemp("corpus")

    def find(name: str) -> Path:
        path = folder / name
        if not path.exists():
            CORPUS[name].write(path)
        return path

    return find


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers() -> AsyncIterator[Workers]:
    """Kept for a module: starting a worker costs a tenth of a second."""
    async with Workers(size=2) as workers:
        yield workers
