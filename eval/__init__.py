"""How good: benchmarks by name.

A benchmark is a function `run(data, sets, subjects, seeds) -> list[Row]` (`eval.results`): `data` is the folder of data
sets or None, `sets` are folders in it and `subjects` the parts to measure (all when empty), `seeds` how many runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwood.registry import Registry

if TYPE_CHECKING:
    from eval.results import Row

BENCHES: Registry[list[Row]] = Registry("benchmark", {"demo": "eval.demo:run"})
"""`BENCHES.make(name, data=..., sets=..., subjects=..., seeds=...)` runs one."""
