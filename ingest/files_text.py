"""What is in a file, judged by its first bytes, and how a block of it becomes lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from ingest.decode import text_of

HEAD_BYTES: Final = 1024
"""So many first bytes tell what a file is, and tell it from other files."""

_BINARIES: Final = (
    (b"\x7fELF", "an ELF program"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive; unpack it first"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"LPKSHHRH", "a systemd journal; export it with journalctl"),
    (b"MZ", "a Windows program"),
)
_TAR_MAGIC_AT: Final = 257
# Control characters that no text has; escape, form feed and NUL-filled holes apart.
_CONTROL: Final = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")
_MANY_CONTROLS: Final = 16
_CONTROL_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Encoding:
    """`codec`, and `unit`: the numpy type of the units in which its newline is the number 10."""

    codec: str
    unit: str

    @property
    def width(self) -> int:
        return np.dtype(self.unit).itemsize


UTF8: Final = Encoding("utf-8", "u1")
UTF16_LE: Final = Encoding("utf-16-le", "<u2")
UTF16_BE: Final = Encoding("utf-16-be", ">u2")


def encoding(head: bytes) -> Encoding:
    """UTF-16 by its byte order mark, or by the zero in every other byte; else UTF-8."""
    if head.startswith(b"\xff\xfe"):
        return UTF16_LE
    if head.startswith(b"\xfe\xff"):
        return UTF16_BE
    if len(head) >= _MANY_CONTROLS:
        even, odd = head[0::2], head[1::2]
        zeros_even, zeros_odd = even.count(0) / len(even), odd.count(0) / len(odd)
        if zeros_odd > 0.7 and zeros_even < 0.05:
            return UTF16_LE
        if zeros_even > 0.7 and zeros_odd < 0.05:
            return UTF16_BE
    return UTF8


def binary(head: bytes) -> str | None:
    """What the file is when it holds no lines of text, None when it does."""
    for magic, what in _BINARIES:
        if head.startswith(magic):
            return what
    if head[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar":
        return "a tar archive; unpack it first"
    if encoding(head) != UTF8:
        return None
    text = head.lstrip(b"\0")  # a log truncated under its writer begins with a hole
    controls = len(_CONTROL.findall(text))
    if controls >= _MANY_CONTROLS and controls > _CONTROL_SHARE * len(text):
        return "binary"
    return None


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one block, empty ones left out."""

    texts: list[str]
    offs: list[int]
    """The byte at which each begins."""
    errors: dict[int, str]
    """What was wrong with its bytes, by offset."""
    empty: int = 0


def whole_lines(block: bytes, form: Encoding) -> bytes:
    """`block` up to its last newline."""
    newline = "\n".encode(form.codec)
    at = block.rfind(newline)
    while at > 0 and at % form.width:  # half of one character and half of the next
        at = block.rfind(newline, 0, at + form.width - 1)
    return block[: at + form.width] if at >= 0 and not at % form.width else b""


def whole_characters(block: bytes, form: Encoding) -> bytes:
    """`block` without a last character that is not complete: where a line too long to wait for is cut."""
    if form != UTF8:
        return block[: len(block) - len(block) % form.width]
    for back in range(1, min(4, len(block)) + 1):
        if block[-back] & 0xC0 != 0x80:  # where the last character begins
            return block[:-back] if block[-back] >= 0xC0 and back < len(block) else block
    return block


def split(raw: bytes, base: int, form: Encoding) -> Lines:
    """The lines in `raw`, which begins at byte `base` of the file; the last may lack its newline."""
    ends = np.flatnonzero(np.frombuffer(raw, form.unit, count=len(raw) // form.width) == ord("\n"))
    offs = np.empty(len(ends) + 1, np.int64)
    offs[0] = base
    offs[1:] = base + (ends + 1) * form.width
    errors: dict[int, str] = {}
    try:
        text = raw.decode(form.codec)
        if "\r" in text:
            text = text.replace("\r\n", "\n").removesuffix("\r")
        texts = text.split("\n")
    except UnicodeDecodeError:
        texts = _forgiving(raw, offs, form, errors)
    if base == 0 and texts[0].startswith("\ufeff"):
        texts[0] = texts[0][1:]
    if "\0" in texts[0]:
        texts[0] = texts[0].lstrip("\0")
    if texts[-1] == "":  # behind the last newline
        texts.pop()
        offs = offs[:-1]
    if "" not in texts:
        return Lines(texts, offs.tolist(), errors)
    kept = [(text, off) for text, off in zip(texts, offs.tolist(), strict=True) if text]
    return Lines([t for t, _ in kept], [o for _, o in kept], errors, len(texts) - len(kept))


def _forgiving(raw: bytes, offs: np.ndarray, form: Encoding, errors: dict[int, str]) -> list[str]:
    """Line by line, with `\\xNN` for what cannot be decoded."""
    texts = []
    base = int(offs[0])
    bounds = [*(offs - base).tolist(), len(raw) + form.width]
    for start, after in pairwise(bounds):
        line = raw[start : after - form.width]
        if form == UTF8:
            text, error = text_of(line)
        else:
            text, error = line.decode(form.codec, "backslashreplace"), None
            try:
                line.decode(form.codec)
            except UnicodeDecodeError as trouble:
                error = f"invalid {form.codec} at byte {trouble.start}"
        if error:
            errors[base + start] = error
        texts.append(text.removesuffix("\r"))
    return texts
