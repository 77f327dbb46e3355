"""What the clients are made of, fetched from their registries once and kept in `.cache/clients/` of the repository.

A folder is named by the hash of what describes it (a pom, a package.json), so that a change fetches anew, and appears
whole or not at all; test workers that start together share one download.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "clients"


class Missing(Exception):
    """What is not installed or cannot be fetched, and the command that helps."""


def cached(name: str, described_by: Path, make: Callable[[Path], None]) -> Path:
    """The folder `name`, filled by `make` when it is not there. Raises Missing."""
    folder = CACHE / f"{name}-{hashlib.sha256(described_by.read_bytes()).hexdigest()[:12]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            partial = folder.with_suffix(f".{os.getpid()}")
            try:
                partial.mkdir()
                make(partial)
                partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return folder


def program(name: str, package: str) -> str:
    """Its path. Raises Missing."""
    found = shutil.which(name)
    if found is None:
        raise Missing(f"no {name} on the PATH: `apt-get install {package}`")
    return found


def fetch(argv: Sequence[str], timeout_s: float, *, cwd: Path, **environ: str) -> None:
    """Run a command that fetches or builds. Raises Missing when it fails or takes too long."""
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Missing(f"`{' '.join(argv)}` took more than {timeout_s:g} s") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-500:]
        raise Missing(f"`{' '.join(argv)}` says {said}")
