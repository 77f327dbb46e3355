# ruff: noqa: S608  (what stands in the SQL are our own names)
"""Which templates were merged into which: kept with the commit that tells it, followed when a question asks.

Rows and roll-ups keep the id that they were given. The table `merged` says for each id that is no more which template
stands for it now; chains are closed when they are written, so that a question needs one join and no recursion.
"""

from __future__ import annotations

from collections.abc import Sequence

from driftwood.records import Template
from driftwood.store.database import Cursor


def record_merges(cursor: Cursor, templates: Sequence[Template]) -> None:
    """Inside the transaction that stores `templates`, which are in the order in which they came to be.

    A template that changes lives, whatever became of it before: the miner opens an id anew where its line comes back.
    """
    changed: list[int] = []
    for template in templates:
        changed.append(template.id)
        taken = [parent for parent in template.parents if parent != template.id]
        if not taken:
            continue
        _revive(cursor, changed)
        changed = []
        cursor.execute(
            "UPDATE merged SET successor = ? WHERE successor IN (SELECT unnest(?::BIGINT[]))",
            [template.id, taken],
        )
        _revive(cursor, taken)
        cursor.execute("INSERT INTO merged SELECT unnest(?::BIGINT[]), ?", [taken, template.id])
    _revive(cursor, changed)


def _revive(cursor: Cursor, ids: Sequence[int]) -> None:
    if ids:
        cursor.execute("DELETE FROM merged WHERE id IN (SELECT unnest(?::BIGINT[]))", [list(ids)])


def current(source: str) -> str:
    """SQL after FROM: the relation `source` with each template_id that was merged away replaced by its successor."""
    return (
        f"(SELECT counted.* REPLACE (coalesce(merged.successor, template_id) AS template_id) FROM {source} AS counted "
        "LEFT JOIN merged ON merged.id = counted.template_id)"
    )
