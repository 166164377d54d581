"""The corpus as files, and workers to open them with."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bench.corpus.case import CORPUS, CorpusFile, corpus_version
from libs.media.workers import Workers


@pytest.fixture(scope="session")
def corpus_file(pytestconfig: pytest.Config) -> CorpusFile:
    """The corpus's file of that name, made on first use and kept for the next runs until its makers change."""
    assert pytestconfig.cache is not None
    kept = pytestconfig.cache.mkdir("media-corpus")
    folder = kept / corpus_version()
    for old in kept.iterdir():
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
    folder.mkdir(exist_ok=True)

    def find(name: str) -> Path:
        path = folder / name
        if not path.exists():
            with tempfile.TemporaryDirectory(dir=folder) as making:
                CORPUS[name].write(Path(making) / name)
                (Path(making) / name).replace(path)  # whole or absent: other processes look here too
        return path

    return find


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers() -> AsyncIterator[Workers]:
    """Kept for a module: starting a worker costs a tenth of a second."""
    async with Workers(size=2) as workers:
        yield workers
