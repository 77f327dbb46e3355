"""Texts for URLs and in base64, with Go's messages."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote_plus

from driftwood.logql import gotext
from driftwood.logql.gotemplate.errors import CallError, bounded
from driftwood.logql.gotemplate.values import decoded, encoded


def urlencode(text: str) -> str:
    """url.QueryEscape: a blank is a plus."""
    return bounded(quote_plus(encoded(text), safe=""))


_ESCAPE = re.compile(rb"%([0-9a-fA-F]{2})?")


def urldecode(text: str) -> str:
    raw = encoded(text)
    for found in _ESCAPE.finditer(raw):
        if found[1] is None:
            wrong = gotext.quote(decoded(raw[found.start() : found.start() + 3]))
            raise CallError(f"invalid URL escape {wrong}")
    raw = raw.replace(b"+", b" ")
    return decoded(_ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), raw))


def b64enc(text: str) -> str:
    return bounded(base64.b64encode(encoded(text)).decode())


_BASE64 = re.compile(rb"[A-Za-z0-9+/]")


def b64dec(text: str) -> str:
    """Padding may be left out, as in tokens."""
    raw = encoded(text)
    raw += b"=" * (-len(raw.translate(None, b"\r\n")) % 4)
    digits, wrong = _base64_digits(raw)
    if wrong is not None:
        raise CallError(f"illegal base64 data at input byte {wrong}")
    return decoded(base64.b64decode(digits + b"=" * (-len(digits) % 4)))


def _base64_digits(raw: bytes) -> tuple[bytes, int | None]:
    """Digits without line ends and padding, and the byte where Go's decoder stops."""
    digits = bytearray()
    for at, byte in enumerate(raw):
        if byte in b"\r\n":
            continue
        if byte == ord("="):
            return bytes(digits), _wrong_padding(raw, at, len(digits) % 4)
        if not _BASE64.match(raw, at):
            return bytes(digits), at
        digits.append(byte)
    if len(digits) % 4:
        return bytes(digits), len(raw) - len(digits) % 4
    return bytes(digits), None


def _wrong_padding(raw: bytes, at: int, of_group: int) -> int | None:
    """One or two signs may close the last group of four, and nothing follows but line ends."""
    if of_group < 2:
        return at
    rest = raw[at + 1 :]
    after = at + 1 + len(rest) - len(rest.lstrip(b"\r\n"))
    if of_group == 2:
        if after == len(raw):
            return len(raw)
        if raw[after] != ord("="):
            return after - 1
        after += 1
    rest = raw[after:]
    after += len(rest) - len(rest.lstrip(b"\r\n"))
    return after if after < len(raw) else None
