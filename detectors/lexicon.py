"""Errors by their words, for lines that came without a severity.

A template is an error when the first line of it that was seen reads like one. That is decided once per template, by
the rows' order, so it is the same on every replay.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from driftwood.records import Events

ERROR = 17
_MAX_TEMPLATES = 200_000

_ERROR_WORDS = re.compile(
    r"exception|traceback|\b(?:errors?|err|fail(?:ed|s|ure|ures)?|fatal|panic(?:ked)?|critical|denied|refused|abort(?:ed)?"
    r"|segfault|corrupt(?:ed)?|unreachable|time(?:d[ -])?out|invalid|illegal|killed|crash(?:ed)?)\b",
    re.IGNORECASE,
)
_DENIALS = re.compile(
    r"\b(?:no|0|without|not an?|zero)[ =:]*(?:\w+ )?(?:errors?|fail(?:ure|ed)?s?)\b", re.IGNORECASE
)


def reads_like_an_error(line: str) -> bool:
    """
    >>> [reads_like_an_error(t) for t in ("Failed password for root", "done, 0 errors", "java.io.IOException: x")]
    [True, False, True]
    """
    head = line[:2_000]
    return bool(_ERROR_WORDS.search(_DENIALS.sub("", head)))


class Lexicon:
    def __init__(self) -> None:
        self.errors: dict[int, bool] = {}

    def severity(self, events: Events) -> npt.NDArray[np.uint8]:
        """The severity of each row, `ERROR` for lines without one whose template reads like an error."""
        severity = np.asarray(events["severity"].to_numpy(), np.uint8)
        unknown = severity == 0
        if not unknown.any():
            return severity
        rows = np.flatnonzero(unknown)
        template_id = np.asarray(events["template_id"].to_numpy(), np.int64)[rows]
        ids, first, inverse = np.unique(template_id, return_index=True, return_inverse=True)
        lines = events["line"]
        for template, row in zip(ids.tolist(), rows[first].tolist(), strict=True):
            if template not in self.errors and len(self.errors) < _MAX_TEMPLATES:
                self.errors[template] = reads_like_an_error(str(lines[row].as_py()))
        failed = np.array([self.errors.get(t, False) for t in ids.tolist()], np.bool_)[inverse]
        severity = severity.copy()
        severity[rows[failed]] = ERROR
        return severity
