"""Extracted labels as columns of sealed segments, which `driftwood.store.extract` makes: what they say.

json          0 undecided, 1 the columns json.* hold just what `| json` extracts, 2 the line is no JSON at all
json.status   the label `status`; NULL where the line has none
logfmt, logfmt.level ...
"""

from __future__ import annotations

JSON, LOGFMT = "json", "logfmt"
UNDECIDED, DECIDED, FAILED = 0, 1, 2


def state_column(parser: str) -> str:
    return parser


def label_column(parser: str, name: str) -> str:
    """The column of a label, whose name is that of an extracted one: letters, digits and `_`."""
    return f"{parser}.{name}"
