"""How a part that is measured in a process of its own is ended, and what is said of it then."""

from __future__ import annotations

import signal
from multiprocessing.process import BaseProcess


def end(process: BaseProcess) -> None:
    """End it, if it still runs."""
    if process.is_alive():
        process.terminate()
        process.join(5)
    if process.is_alive():
        process.kill()
        process.join()


def too_long(limit_s: float) -> str:
    return f"took more than {limit_s:g} s"


def died(code: int | None) -> str:
    if code is not None and code < 0:
        return f"its process was killed by {signal.Signals(-code).name}; was memory short?"
    return f"its process ended with exit code {code}"
