"""How good: benchmarks by name.

A benchmark is a function `run(data, sets, subjects, seeds) -> list[Row]` (`eval.results`): `data` is the folder of data
sets or None, `sets` are folders in it and `subjects` the parts to measure (all when empty), `seeds` how many runs.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING

from driftwood.registry import Registry

if TYPE_CHECKING:
    from eval.results import Row

BENCHES: Registry[list[Row]] = Registry(
    "benchmark",
    {
        "demo": "eval.demo:run",
        "detection": "eval.detection.run:run",
        "parsing": "eval.parsing.run:run",
    },
)
"""`BENCHES.make(name, data=..., sets=..., subjects=..., seeds=...)` runs one."""


def settings_of(name: str) -> frozenset[str]:
    """What else a benchmark can be told: `jobs`, `limit_s`, `protocols`, `plots` (a folder for figures), and `journal`
    (a file of rows that it resumes and keeps).
    """
    module, _, function = BENCHES.locate(name).partition(":")
    return frozenset(inspect.signature(getattr(import_module(module), function)).parameters)
