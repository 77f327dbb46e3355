"""All functions of Loki's templates by name."""

from __future__ import annotations

import json

from driftwood.logql.gotemplate.builtins import BUILTINS
from driftwood.logql.gotemplate.errors import CallError
from driftwood.logql.gotemplate.number_functions import NUMBER_FUNCTIONS
from driftwood.logql.gotemplate.signatures import Function, Param
from driftwood.logql.gotemplate.text_functions import TEXT_FUNCTIONS
from driftwood.logql.gotemplate.time_functions import TIME_FUNCTIONS
from driftwood.logql.gotemplate.values import AnyMap, is_true


def _default(fallback: object, *given: object) -> object:
    """`fallback` where what is given is empty: "", 0, false, nil, or a list or map of nothing."""
    return given[0] if given and is_true(given[0]) else fallback


class _NotJson(ValueError):
    pass


def _from_json(text: str) -> object:
    """What encoding/json makes of `text`; nil if it is not JSON as a whole."""
    try:
        value: object = _DECODER.decode(text)
    except (json.JSONDecodeError, _NotJson):
        return None
    except RecursionError:
        raise CallError("the JSON nests too deeply") from None
    return _repaired(value) if not text.isascii() or "\\u" in text else value


def _number(text: str) -> float | None:
    """Go refuses a number that is too large for a float, and goes on without it."""
    value = float(text)
    return None if value in (float("inf"), float("-inf")) else value


def _refuse(constant: str) -> object:
    raise _NotJson(constant)  # NaN and Infinity are not JSON


_DECODER = json.JSONDecoder(
    object_pairs_hook=AnyMap,
    parse_float=_number,
    parse_int=_number,
    parse_constant=_refuse,
)


def _repaired(value: object) -> object:
    """Go replaces halves of surrogate pairs, and bytes that are not UTF-8, by U+FFFD."""
    if isinstance(value, str):
        return value if value.isascii() else "".join(map(_repaired_character, value))
    if isinstance(value, AnyMap):
        return AnyMap((str(_repaired(key)), _repaired(item)) for key, item in value.items())
    if isinstance(value, list):
        return [_repaired(item) for item in value]
    return value


def _repaired_character(char: str) -> str:
    return "\ufffd" if "\ud800" <= char <= "\udfff" else char


LINE, TIMESTAMP = "__line__", "__timestamp__"
FUNCTIONS = {
    **BUILTINS,
    **TEXT_FUNCTIONS,
    **NUMBER_FUNCTIONS,
    **TIME_FUNCTIONS,
    "default": Function(_default, (Param.ANY,), Param.ANY),
    "fromJson": Function(_from_json, (Param.STRING,)),
}
"""Without the two that give the line and its time, which depend on the execution."""


def is_function(name: str) -> bool:
    return name in FUNCTIONS or name in (LINE, TIMESTAMP)
