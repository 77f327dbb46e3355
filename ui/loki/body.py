"""Bodies of requests, unpacked within a limit: what is packed small may be large, and is refused before it is made."""

from __future__ import annotations

import zlib
from typing import Final, Literal

import pyarrow as pa

_LONGEST_VARINT: Final = 5


class BadBody(ValueError):
    """A body that is not packed as its header says."""


class TooLarge(ValueError):
    """A body that holds more than is taken."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"request body too large: {size} bytes, limit: {limit} bytes")


def unpack(body: bytes, encoding: str, limit: int) -> bytes:
    """`body` as it was before `Content-Encoding`. Raises BadBody, and TooLarge beyond `limit` bytes."""
    if encoding in ("", "identity"):
        return body
    if encoding in ("gzip", "x-gzip"):
        return _inflate(body, 16 + zlib.MAX_WBITS, limit)
    if encoding == "deflate":  # HTTP means zlib's format, and Go's clients send it bare
        bare = body[:1] != b"\x78" or int.from_bytes(body[:2], "big") % 31
        return _inflate(body, -zlib.MAX_WBITS if bare else zlib.MAX_WBITS, limit)
    if encoding == "snappy":
        return unsnap(body, limit)
    if encoding == "zstd":
        return _stream(body, "zstd", limit)
    if encoding == "lz4":
        return _stream(body, "lz4", limit)
    raise BadBody(f'Content-Encoding "{encoding}" not supported')


def unsnap(body: bytes, limit: int) -> bytes:
    """Snappy's block format, which tells its size in front."""
    size = 0
    for at, byte in enumerate(body[:_LONGEST_VARINT]):
        size |= (byte & 0x7F) << (7 * at)
        if byte < 0x80:
            break
    else:
        raise BadBody("snappy: corrupt input")
    if size > limit:
        raise TooLarge(size, limit)
    try:
        plain: bytes = pa.decompress(body, decompressed_size=size, codec="snappy", asbytes=True)
    except (pa.ArrowException, OSError) as error:
        raise BadBody("snappy: corrupt input") from error
    return plain


def _inflate(body: bytes, wbits: int, limit: int) -> bytes:
    parts: list[bytes] = []
    left = limit
    rest = body
    while True:  # gzip may consist of several members
        unpacker = zlib.decompressobj(wbits)
        try:
            part = unpacker.decompress(rest, left + 1)
        except zlib.error as error:
            raise BadBody(f"{'gzip' if wbits > zlib.MAX_WBITS else 'flate'}: {error}") from error
        left -= len(part)
        if left < 0:
            raise TooLarge(limit + 1, limit)
        if not unpacker.eof:
            raise BadBody("unexpected EOF")
        parts.append(part)
        rest = unpacker.unused_data
        if not rest or wbits <= zlib.MAX_WBITS:
            return b"".join(parts)


def _stream(body: bytes, encoding: Literal["zstd", "lz4"], limit: int) -> bytes:
    try:
        with pa.CompressedInputStream(pa.BufferReader(body), encoding) as unpacker:
            plain: bytes = unpacker.read(limit + 1)
    except (pa.ArrowException, OSError) as error:
        raise BadBody(f"{encoding}: {error}") from error
    if len(plain) > limit:
        raise TooLarge(limit + 1, limit)
    return plain
