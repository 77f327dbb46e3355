"""Bodies are unpacked as their header says, and never beyond the limit."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from typing import Literal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.loki.body import BadBody, TooLarge, unpack


def bare_deflate(plain: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(plain) + packer.flush()


def by_arrow(codec: Literal["snappy", "zstd", "lz4"]) -> Callable[[bytes], bytes]:
    return lambda plain: pa.compress(plain, codec=codec, asbytes=True)


PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "plain": ("", bytes),
    "gzip": ("gzip", gzip.compress),
    "gzip in two members": ("gzip", lambda b: gzip.compress(b[:9]) + gzip.compress(b[9:])),
    "deflate": ("deflate", zlib.compress),
    "bare deflate": ("deflate", bare_deflate),
    "snappy": ("snappy", by_arrow("snappy")),
    "zstd": ("zstd", by_arrow("zstd")),
    "lz4": ("lz4", by_arrow("lz4")),
}


@pytest.mark.parametrize("packing", PACKERS)
@given(plain=st.binary(max_size=200))
def test_what_was_packed_is_unpacked(packing: str, plain: bytes) -> None:
    encoding, pack = PACKERS[packing]
    assert unpack(pack(plain), encoding, 1_000) == plain


@pytest.mark.parametrize("packing", [p for p in PACKERS if p != "plain"])
def test_a_body_that_holds_more_than_the_limit_is_refused(packing: str) -> None:
    encoding, pack = PACKERS[packing]
    packed = pack(b"x" * 1_001)
    with pytest.raises(TooLarge, match="request body too large: 1001 bytes, limit: 1000 bytes"):
        unpack(packed, encoding, 1_000)
    assert len(unpack(packed, encoding, 1_001)) == 1_001


@pytest.mark.parametrize("packing", ["gzip", "deflate", "snappy", "zstd", "lz4"])
def test_a_bomb_is_refused_before_it_goes_off(packing: str) -> None:
    encoding, pack = PACKERS[packing]
    bomb = pack(b"\0" * (64 * 1024 * 1024))
    before = pa.total_allocated_bytes()
    with pytest.raises(TooLarge):
        unpack(bomb, encoding, 1_000_000)
    assert pa.total_allocated_bytes() - before < 4_000_000


@pytest.mark.parametrize("packing", ["gzip", "deflate", "bare deflate", "snappy", "zstd", "lz4"])
@given(data=st.data())
def test_a_damaged_body_is_refused_or_gives_what_it_gives(
    packing: str, data: st.DataObject
) -> None:
    encoding, pack = PACKERS[packing]
    packed = bytearray(pack(b"some text that is packed, that is packed, that is packed"))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(packed)))
    for body in (bytes(packed), bytes(packed[:cut])):
        try:
            assert len(unpack(body, encoding, 1_000)) <= 1_000
        except (BadBody, TooLarge) as refused:
            assert str(refused)


def test_other_packings_are_named() -> None:
    with pytest.raises(BadBody, match='Content-Encoding "br" not supported'):
        unpack(b"x", "br", 10)
