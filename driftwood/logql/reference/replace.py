"""`label_replace`: a label made from another one, where a regular expression matches that one's whole value."""

from __future__ import annotations

from driftwood.errors import QueryError
from driftwood.logql import re2
from driftwood.logql.answer import Labels
from driftwood.logql.ast import LabelReplace
from driftwood.logql.reference.vectors import SeriesMatrix


def label_replace(matrix: SeriesMatrix, replace: LabelReplace) -> SeriesMatrix:
    """The same samples under new labels; where the expression does not match, under the old ones."""
    try:
        pattern = re2.compile(replace.pattern)
    except re2.RegexError as error:
        raise QueryError(f"invalid regex in label_replace: {error}") from error
    labels = tuple(_replaced(one, replace, pattern) for one in matrix.labels)
    return SeriesMatrix(labels, matrix.values, matrix.present)


def _replaced(labels: Labels, replace: LabelReplace, pattern: re2.Regex) -> Labels:
    """An empty result takes the label away; an absent source is the empty text."""
    found = pattern.fullmatch(labels.get(replace.source, ""))
    if found is None:
        return labels
    result = {name: value for name, value in labels.items() if name != replace.destination}
    if value := found.expand(replace.replacement):
        result[replace.destination] = value
    return result
