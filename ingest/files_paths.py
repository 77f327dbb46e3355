"""Which files: globs and folders to paths, and which paths are rotations of one log."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from glob import glob, has_magic

_PACKED = re.compile(r"\.(?:gz|bz2|xz|zst|zstd)$")
_DATE = r"\d{4}-?\d{2}-?\d{2}(?:[T_.-]?\d{2}(?:[:_.-]?\d{2}){0,2}Z?)?"
# app.log.1, app.log.old, app.log-20240131, app.log.2024-01-31T10; and app-2024-01-31.log, where the date stands inside
_ROTATED = re.compile(rf"(?:\.\d{{1,4}}|\.old|[._-]{_DATE})$")
_DATED = re.compile(rf"[._-]{_DATE}(?=\.[A-Za-z]+$)")


@lru_cache(maxsize=65_536)
def family(path: str) -> str:
    """The path of the log that `path` is a rotation of; `path` itself when it is none.

    >>> [family(p) for p in ("/l/app.log.2.gz", "/l/app.log-20240131", "/l/app-2024-01-31.log", "/l/syslog")]
    ['/l/app.log', '/l/app.log', '/l/app.log', '/l/syslog']
    """
    folder, name = os.path.split(path)
    name = _PACKED.sub("", name)
    while (shorter := _ROTATED.sub("", name)) not in {name, ""}:
        name = shorter
    return os.path.join(folder, _DATED.sub("", name) or name)


@dataclass(slots=True)
class Found:
    """One look at the globs."""

    files: dict[str, os.stat_result] = field(default_factory=dict)
    """Regular files by absolute path; a link to a file counts as that file."""
    unmatched: list[str] = field(default_factory=list)
    """Globs that match nothing."""
    trouble: dict[str, str] = field(default_factory=dict)
    """What could not be looked at, and why."""


def look(globs: Sequence[str]) -> Found:
    found = Found()
    for pattern in globs:
        matched = False
        for path in _paths(pattern, found):
            try:
                status = os.stat(path)
            except FileNotFoundError:  # gone since, or a link to nothing
                continue
            except OSError as error:
                found.trouble[path] = error.strerror or str(error)
                continue
            matched = True
            if stat.S_ISREG(status.st_mode):
                found.files[path] = status
            else:  # opening it could block
                found.trouble[path] = (
                    "is a pipe or a device and no file; pipe it into driftwood ingest -"
                )
        if not matched:
            found.unmatched.append(pattern)
    return found


def _paths(pattern: str, found: Found) -> Iterator[str]:
    pattern = os.path.abspath(os.path.expanduser(pattern))
    literal = not has_magic(pattern) or os.path.lexists(pattern)
    for path in [pattern] if literal else glob(pattern, recursive=True):
        if not os.path.isdir(path):
            yield path
        elif "**" not in pattern:  # ** gives what lies below by itself
            yield from _below(path, found)


def _below(folder: str, found: Found) -> Iterator[str]:
    """Every file below `folder`, hidden ones apart."""

    def refused(error: OSError) -> None:
        found.trouble[str(error.filename)] = error.strerror or str(error)

    for parent, folders, names in os.walk(folder, onerror=refused):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(parent, n) for n in sorted(names) if not n.startswith("."))
