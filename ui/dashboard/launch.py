"""How the dashboard's process is started: Streamlit on `app.py`, with its settings beside it.

The server's address travels in the environment as DRIFTWOOD_URL. With DRIFTWOOD_LEASH set, the process ends as soon as
its standard input does: whoever holds the other end may die of anything and leaves no dashboard behind.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

APP = Path(__file__).with_name("app.py")
LEASH = "DRIFTWOOD_LEASH"


def command(url: str, listen: str) -> list[str]:
    """The command line that serves the dashboard at `listen` (HOST:PORT); argv[0] is this Python.

    >>> command("http://127.0.0.1:3100", "127.0.0.1:8501")[1:4]
    ['-m', 'ui.dashboard.launch', 'run']
    """
    host, _, port = listen.rpartition(":")
    return [
        *(sys.executable, "-m", "ui.dashboard.launch", "run", str(APP)),
        f"--server.address={host.strip('[]') or '127.0.0.1'}",
        f"--server.port={port}",
        "--server.headless=true",
        "--server.fileWatcherType=none",
        "--browser.gatherUsageStats=false",
        "--client.toolbarMode=viewer",
        "--logger.level=warning",
    ]


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Become Streamlit, on the arguments of `command`."""
    if os.environ.get(LEASH):
        threading.Thread(target=_end_with_parent, name="leash", daemon=True).start()
    from streamlit.web.cli import main as streamlit

    streamlit(prog_name="streamlit")


if __name__ == "__main__":
    main()
