"""A stream's labels as one canonical text, and the ids that follow from it.

Labels travel through a batch dictionary-encoded as canonical JSON (keys sorted, no spaces), so that a label set is
written once per batch and not once per line; the same set gives the same text, hence the same stream id, on every
worker and after every restart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache

import orjson

LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
SERVICE_LABELS = ("service_name", "service", "app", "application", "job", "container")
"""Which labels say what a line's service is; the first of them that there is."""


def label_key(labels: Mapping[str, str]) -> str:
    """The canonical text of a label set.

    >>> label_key({"service_name": "api", "level": "info"})
    '{"level":"info","service_name":"api"}'
    """
    return orjson.dumps(labels, option=orjson.OPT_SORT_KEYS).decode()


@lru_cache(maxsize=65_536)
def stream_id(key: str) -> int:
    """A stream's id: 63 bits of the hash of its canonical labels, the same everywhere."""
    return stable_id(key.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=65_536)
def source_key(key: str) -> str:
    """The *source* that a stream belongs to: its labels without `level`. Context and detectors group by it.

    >>> source_key('{"level":"info","service_name":"api"}')
    '{"service_name":"api"}'
    """
    labels: dict[str, str] = orjson.loads(key)
    labels.pop("level", None)
    return label_key(labels)


def stable_id(content: bytes) -> int:
    """63 bits of BLAKE2b: fits a signed BIGINT, and does not depend on the process (unlike `hash`)."""
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big") >> 1


def level_of(severity: int) -> str:
    """The short name of an OpenTelemetry severity number, "" for 0 (unspecified).

    >>> [level_of(n) for n in (0, 1, 5, 9, 13, 17, 21, 24)]
    ['', 'trace', 'debug', 'info', 'warn', 'error', 'fatal', 'fatal']
    """
    return LEVELS[(severity - 1) // 4] if 1 <= severity <= 24 else ""
