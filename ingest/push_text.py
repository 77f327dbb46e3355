"""Texts of pushes that UTF-8 cannot hold: kept readable, and noted."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson

DECODE_ERROR: Final = "decode_error"


def clean(text: str) -> tuple[str, str | None]:
    """`text`, in which bytes that were no UTF-8 stand as surrogates, with those escaped; and what was wrong with it.

    >>> clean("caf\\udce9"), clean("café")
    (('caf\\\\xe9', 'invalid UTF-8 at byte 3'), ('café', None))
    """
    if text.isascii():
        return text, None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        at = len(text[: error.start].encode())
        if any(0xD800 <= ord(char) < 0xDC80 or 0xDD00 <= ord(char) < 0xE000 for char in text):
            kept = text.encode("utf-8", "backslashreplace").decode()
            return kept, "text with half of a surrogate pair"
        kept = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        return kept, f"invalid UTF-8 at byte {at}"
    return text, None


def loads(body: bytes) -> tuple[Any, bool]:
    """The value of a JSON text, and whether all its texts are Unicode; for `clean` where they are not.

    Raises ValueError for what is no JSON.
    """
    try:
        return orjson.loads(body), True
    except orjson.JSONDecodeError as error:
        try:
            return json.loads(body.decode("utf-8", "surrogateescape")), False
        except (ValueError, RecursionError):
            raise error from None
