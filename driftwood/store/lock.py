"""Who owns a data folder: an advisory lock on a file in it, with the process id of the owner for the message."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from driftwood.errors import StoreLocked

LOCK = "driftwood.lock"


class Lock:
    """Held until `release` or the end of the process, however it ends. Raises StoreLocked when another has it."""

    def __init__(self, folder: Path, *, shared: bool) -> None:
        path = folder / LOCK
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(self._handle, 32).decode("ascii", "replace").strip()
            os.close(self._handle)
            raise StoreLocked(in_use(folder, owner or "?")) from error
        if not shared:
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def in_use(folder: Path, owner: str) -> str:
    """Why a folder cannot be opened, and what to do."""
    return (
        f"the store in {folder} is in use by process {owner}; ask that server (--url), stop it, "
        "or take another folder (--data)"
    )
