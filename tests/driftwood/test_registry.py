"""Parts by name: every registered part can be found, and a slip is answered with the nearest name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from detectors import DETECTORS
from driftwood.errors import ConfigError
from driftwood.registry import Registry, how_to_install
from ingest import SOURCES
from parsing import PARSERS


@pytest.mark.parametrize("registry", [SOURCES, PARSERS, DETECTORS])
def test_a_slip_in_a_name_is_answered_with_the_nearest_one(registry: Registry[object]) -> None:
    name = next(iter(registry))
    with pytest.raises(ConfigError, match=f"did you mean '{name}'"):
        registry.make(name[:-1] + "x")


def test_a_part_whose_package_is_missing_says_which_one() -> None:
    registry: Registry[object] = Registry("parser", {"p": "a_package_that_nobody_has.x:Y"})
    with pytest.raises(ConfigError, match="needs the package 'a_package_that_nobody_has'"):
        registry.make("p")


def test_what_an_extra_holds_is_named_with_it() -> None:
    assert how_to_install("torch") == "pip install 'driftwood[models]'"
    assert how_to_install("drain3") == "pip install 'driftwood[bench]'"


def test_naming_the_parts_imports_none_of_them() -> None:
    code = (
        "import sys, driftwood, parsing, detectors, ingest;"
        "print([m for m in ('torch', 'drain3', 'kafka', 'duckdb', 'streamlit') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
