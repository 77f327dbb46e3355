"""How the dashboard's process is started: Streamlit on `app.py`, with its settings beside it.

The server's address travels in the environment as DRIFTWOOD_URL.
"""

from __future__ import annotations

import sys
from pathlib import Path

APP = Path(__file__).with_name("app.py")


def command(url: str, listen: str) -> list[str]:
    """The command line that serves the dashboard at `listen` (HOST:PORT); argv[0] is this Python.

    >>> command("http://127.0.0.1:3100", "127.0.0.1:8501")[1:4]
    ['-m', 'streamlit', 'run']
    """
    host, _, port = listen.rpartition(":")
    return [
        *(sys.executable, "-m", "streamlit", "run", str(APP)),
        f"--server.address={host.strip('[]') or '127.0.0.1'}",
        f"--server.port={port}",
        "--server.headless=true",
        "--server.fileWatcherType=none",
        "--browser.gatherUsageStats=false",
        "--client.toolbarMode=viewer",
        "--logger.level=warning",
    ]
