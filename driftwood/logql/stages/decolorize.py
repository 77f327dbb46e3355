"""`| decolorize`: the line without the escape sequences that colour a terminal."""

from __future__ import annotations

import re

from driftwood.logql.stages.labels import LabelSet

_INTRODUCERS = "\x1b\x9b"
_SEQUENCE = re.compile(
    rf"""[{_INTRODUCERS}] [][()\#;?]*
    (?: (?: [a-zA-Z0-9]*(?:;[a-zA-Z0-9]*)* )? \x07      # a title, ended by a bell
      | (?: [0-9]{{1,4}}(?:;[0-9]{{0,4}})* )? [0-9A-PRZcf-nqrty=><~] )""",
    re.VERBOSE,
)


def decolorize(_ts: int, line: str, _labels: LabelSet) -> str:
    if "\x1b" not in line and "\x9b" not in line:
        return line
    return _SEQUENCE.sub("", line)
