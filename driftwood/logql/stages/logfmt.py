r"""logfmt as Loki reads it: `key=value key="quoted \" value" key`, separated by whatever is not above a space.

Where a text is not logfmt, the reader says so and reads on behind the next separator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_KEY = r'[^\0-\x20="\ufffd\ud800-\udfff]++'
_QUOTED = r'(?:[^"\\]|\\.)*+'
_BARE = r'[^\0-\x20="]*+'
_GAP = r"[\0-\x20]*+"
_ENDS = r"(?=[\0-\x20]|\Z)"
_CLEAN = re.compile(
    rf'(?:{_GAP}{_KEY}(?:=(?:"{_QUOTED}"|{_BARE}{_ENDS})|{_ENDS}))*+{_GAP}', re.DOTALL
)
_PAIRS = re.compile(rf'({_KEY})(?:=(?:"({_QUOTED})"|({_BARE})))?+', re.DOTALL)

_NEXT = re.compile(r"[^\0-\x20]")
_STOP = re.compile(r'[\0-\x20="]')
_SEPARATOR = re.compile(r"[\0-\x20]")
_STRING = re.compile(rf'"({_QUOTED})"', re.DOTALL)
_NO_TEXT = re.compile("[\ufffd\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_LOW = re.compile(r"\\u([0-9a-fA-F]{4})")
_MEANS = {
    **dict(zip("\"\\/'", "\"\\/'", strict=True)),
    **dict(zip("bfnrt", "\b\f\n\r\t", strict=True)),
}


class LogfmtError(ValueError):
    """What is wrong at which byte, in Loki's words."""


def pairs(line: str) -> Iterator[tuple[str, str] | LogfmtError]:
    """The keys and values of `line` in order, with what is wrong in between. A key alone has the value "".

    >>> list(pairs('a=1 b="x \\\\"y" c'))
    [('a', '1'), ('b', 'x "y'), ('c', '')]
    """
    if "\\" in line or not _CLEAN.fullmatch(line):
        return _slow_pairs(line)
    return ((key, quoted or bare) for key, quoted, bare in _PAIRS.findall(line))


def clean_pairs(line: str) -> list[tuple[str, str, str]] | None:
    """Key, quoted value (escapes and all) and bare value of each pair, one of them empty; None: use `pairs`."""
    return _PAIRS.findall(line) if _CLEAN.fullmatch(line) else None


def _slow_pairs(line: str) -> Iterator[tuple[str, str] | LogfmtError]:
    at = 0
    while (start := _NEXT.search(line, at)) is not None:
        at = start.start()
        stop = _STOP.search(line, at)
        end = stop.start() if stop else len(line)
        sign = stop[0] if stop else ""
        key = line[at:end]
        if sign == '"' or (sign == "=" and not key):
            yield _error(line, end, f"unexpected '{sign}'")
            at = _skipped(line, end)
        elif _NO_TEXT.search(key):
            yield _error(line, end, "invalid key")
            at = _skipped(line, end)
        elif sign == "=":
            value, at = _value(line, end + 1)
            yield value if isinstance(value, LogfmtError) else (key, value)
        else:
            yield key, ""
            at = end


def _value(line: str, at: int) -> tuple[str | LogfmtError, int]:
    """What stands behind the `=`, and where to read on."""
    if line.startswith('"', at):
        string = _STRING.match(line, at)
        if string is None:
            return _error(line, len(line), "unterminated quoted value"), len(line)
        value = unquote(string[1])
        if value is None:
            return _error(line, string.end(), "invalid quoted value"), string.end()
        return value, string.end()
    stop = _STOP.search(line, at)
    if stop is None:
        return line[at:], len(line)
    if stop[0] in '="':
        return _error(line, stop.start(), f"unexpected '{stop[0]}'"), _skipped(line, stop.start())
    return line[at : stop.start()], stop.start()


def _skipped(line: str, at: int) -> int:
    separator = _SEPARATOR.search(line, at)
    return separator.start() if separator else len(line)


def _error(line: str, at: int, words: str) -> LogfmtError:
    place = len(line[:at].encode("utf-8", "surrogateescape")) + 1
    return LogfmtError(f"logfmt syntax error at pos {place} : {words}")


def unquote(text: str) -> str | None:
    """The meaning of what lies between quotes; None: an escape is wrong."""
    if "\\" not in text:
        return text
    pieces: list[str] = []
    at = 0
    while (escape := _ESCAPE.search(text, at)) is not None:
        pieces.append(text[at : escape.start()])
        at = escape.end()
        if escape[1] is None:
            if escape[2] not in _MEANS:
                return None
            pieces.append(_MEANS[escape[2]])
            continue
        code = int(escape[1], 16)
        if 0xD800 <= code <= 0xDFFF:
            low = _LOW.match(text, at)
            if code < 0xDC00 and low and 0xDC00 <= int(low[1], 16) <= 0xDFFF:
                at = low.end()
                code = ((code - 0xD800) << 10) + int(low[1], 16) - 0xDC00 + 0x10000
            else:
                code = 0xFFFD
        pieces.append(chr(code))
    pieces.append(text[at:])
    return "".join(pieces)
