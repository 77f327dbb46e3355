"""What several test packages share: where the reference data lies."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes on a busy machine says nothing about the code.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data and conformance cases; the test is skipped by name without it."""
    folder = Path(os.environ.get("DRIFTWOOD_DATA", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}; set DRIFTWOOD_DATA to run this test")
    return folder


@pytest.fixture
def half_open_connections() -> Iterator[None]:
    """kafka-python leaves the socket of a connection that it was still trying when it was closed to the collector."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
