"""What can go wrong with a template, and how much one may do.

Templates come from queries, so whatever they build is bounded: Go's own limits are far too large for one line of a log.
"""

from __future__ import annotations

from driftwood.errors import DriftwoodError

LONGEST_TEXT = 1 << 20
"""Characters of any text that a template builds, its output included; Loki's longest line has 256 Ki bytes."""
MOST_STEPS = 100_000
"""Statements that one execution may run."""
DEEPEST = 100
"""How deep parentheses, blocks and calls of templates may nest."""


class TemplateError(DriftwoodError):
    """The template cannot be used; the text is Go's: `template: line:1: unclosed action`."""


class TemplateExecutionError(DriftwoodError):
    """It failed on one line; the text is Go's: `template: line:1:2: executing "line" at <.foo>: ...`."""


class CallError(Exception):
    """What a function returned as its error, or panicked with; the template adds where it was called."""


class LimitExceeded(CallError):
    pass


def bounded(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise too_long()
    return text


def too_long() -> LimitExceeded:
    return LimitExceeded(f"the text would be longer than {LONGEST_TEXT} characters")
