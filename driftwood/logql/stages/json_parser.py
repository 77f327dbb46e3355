"""`| json`: every scalar of the object that the line is becomes a label; nested names are joined with `_`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TypeAlias

from driftwood.logql.stages.errors import JSON_ERROR
from driftwood.logql.stages.hints import SUFFIX
from driftwood.logql.stages.json_text import JsonError, Kind, Value, label_value, members, spaced
from driftwood.logql.stages.labels import LabelSet, name_part, sanitized

Scalar: TypeAlias = str | bool
Tree: TypeAlias = "tuple[tuple[str, Scalar | list[object] | Tree | None], ...]"
"""An object as the members that it has, in order."""


class _NotStrict(ValueError):
    pass


def _refuse(constant: str) -> None:
    raise _NotStrict(constant)  # NaN and Infinity


_decode = json.JSONDecoder(
    object_pairs_hook=tuple,
    parse_float=str,
    parse_int=str,
    parse_constant=_refuse,
    strict=False,
).raw_decode


class _Complete(Exception):
    """All required labels were found."""


class JsonStage:
    """What Python's decoder accepts it decodes; all else our own reader reads, which keeps what precedes an error."""

    __slots__ = ()

    def __call__(self, _ts: int, line: str, labels: LabelSet) -> str:
        if labels.complete:
            return line
        try:
            tree = _tree(line)
            if tree is not None:
                _extract_tree(tree, labels)
            else:
                _extract_text(line, labels)
        except _Complete:
            pass
        except JsonError as error:
            labels.fail_parsing(JSON_ERROR, str(error))
        return line


def _tree(line: str) -> Tree | None:
    """None: not an object of strict JSON, or one with escapes that the decoder reads in another way."""
    if "\\u" in line:
        return None
    try:
        tree, _ = _decode(line.lstrip(" \n\r\t"))
    except (ValueError, RecursionError):
        return None
    return tree if isinstance(tree, tuple) else None


def _extract_tree(tree: Tree, labels: LabelSet) -> None:
    stack: list[tuple[str | None, Iterator[tuple[str, object]]]] = [(None, iter(tree))]
    restricted = labels.hints.required is not None
    while stack:
        prefix, rest = stack[-1]
        for key, value in rest:
            if isinstance(value, tuple):
                below = _joined(prefix, key)
                if labels.hints.wants_below(below):
                    stack.append((below, iter(value)))
                    break
                continue
            if isinstance(value, str):
                _put(prefix, key, spaced(value), labels)
            elif isinstance(value, bool):
                _put(prefix, key, "true" if value else "false", labels)
            if restricted and labels.complete:
                raise _Complete
        else:
            stack.pop()


def _extract_text(line: str, labels: LabelSet) -> None:
    stack: list[tuple[str | None, Iterator[tuple[str, Value]]]] = [(None, members(line))]
    restricted = labels.hints.required is not None
    while stack:
        prefix, rest = stack[-1]
        for key, value in rest:
            if value.kind is Kind.OBJECT:
                below = _joined(prefix, key)
                if labels.hints.wants_below(below):
                    stack.append((below, members(value.text)))
                    break
                continue
            if value.kind is Kind.STRING:
                _put(prefix, key, label_value(value.text), labels)
            elif value.kind in (Kind.NUMBER, Kind.BOOLEAN):
                _put(prefix, key, value.text, labels)
            if restricted and labels.complete:
                raise _Complete
        else:
            stack.pop()


def _put(prefix: str | None, key: str, value: str, labels: LabelSet) -> None:
    name = _joined(prefix, key)
    if not name and prefix is None:
        return
    if name in labels.base or name in labels.metadata:
        name = _joined(prefix, key + SUFFIX)
    if labels.wants(name):
        labels.set(name, value)


def _joined(prefix: str | None, key: str) -> str:
    """The name of `key` in the object that `prefix` names, None for the line; no digit stands first in the whole name.

    An empty key counts for nothing; so one within another gives the empty name.
    """
    if not prefix:
        return sanitized(key)
    part = name_part(key)
    return f"{prefix}_{part}" if part else prefix
