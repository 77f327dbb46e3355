"""Rules of users about templates, as they are stored: the newest last."""

from __future__ import annotations

from driftwood.store.read import Readable, Row, Writable, rows


def rules(store: Readable) -> list[Row]:
    """(id, kind, pattern, name, templates, created), in the order in which they were made."""
    return list(
        rows(
            store,
            "SELECT id, kind, pattern, name, templates, created FROM rules ORDER BY created, id",
        )
    )


def put_rule(
    store: Writable,
    rule_id: str,
    kind: str,
    pattern: str,
    name: str,
    templates: list[int],
    now: int,
    *,
    replaces: bool,
) -> None:
    """A new rule, or new words for the one with this id; one statement, so one transaction. On the writer's thread."""
    if replaces:
        store.execute(
            "UPDATE rules SET pattern = ?, name = ?, templates = ?::BIGINT[], created = ? WHERE id = ?",
            [pattern, name, templates, now, rule_id],
        )
    else:
        store.execute(
            "INSERT INTO rules VALUES (?, ?, ?, ?, ?::BIGINT[], ?)",
            [rule_id, kind, pattern, name, templates, now],
        )


def remove_rule(store: Writable, rule_id: str) -> None:
    """Runs on the writer's thread."""
    store.execute("DELETE FROM rules WHERE id = ?", [rule_id])
