"""What a parser's `save` writes: JSON in zstd, with the version of its layout. Never pickle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import zstandard

from driftwood.errors import StoreError


def packed(version: int, state: dict[str, Any]) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(orjson.dumps({"state": version, **state}))


def restored(
    packed_state: bytes, name: str, version: int, restore: Callable[[dict[str, Any]], None]
) -> None:
    """Call `restore` with what `packed` was given. Raises StoreError for what is damaged or of another version.

    `restore` may have done half of its work by then.
    """
    try:
        saved = orjson.loads(zstandard.ZstdDecompressor().decompress(packed_state))
        if saved["state"] != version:
            raise ValueError(f"it has version {saved['state']!r}, this program reads {version}")
        restore(saved)
    except (
        zstandard.ZstdError,
        MemoryError,  # a damaged size
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
    ) as error:
        raise StoreError(
            f"the saved state of the parser {name} cannot be read ({error}); if another parser wrote it, set "
            "`parser` to that one; else restore the store from a backup, or start with a new data folder and "
            "ingest again"
        ) from error
