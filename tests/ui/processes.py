"""Real processes for tests: `driftwood ...` on free ports, with its output kept."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from driftwood.errors import ServerUnreachable
from ui.client import Client

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def driftwood(
    *argv: str, stdin: bytes | None = None, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    run = subprocess.run(
        [sys.executable, "-m", "ui.cli", *argv],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **environ},
        input=stdin,
        capture_output=True,
        timeout=120,
    )
    return subprocess.CompletedProcess(
        run.args, run.returncode, run.stdout.decode(), run.stderr.decode()
    )


class Server:
    """A `driftwood serve` (or `up`) in the background."""

    def __init__(self, data: Path, *flags: str, command: str = "serve") -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data.parent / f"{data.name}-{self.port}.out"
        listen = f"127.0.0.1:{self.port}"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "ui.cli",
                    command,
                    "--data",
                    str(data),
                    "--listen",
                    listen,
                    *flags,
                ],
                cwd=ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.client = Client(self.url)

    def ready(self) -> Client:
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
        return self.client

    def _answers(self) -> bool:
        try:
            return self.client.is_ready()
        except ServerUnreachable:
            return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(60)
        self.client.close()
        return code


@contextlib.contextmanager
def serving(data: Path, *flags: str, command: str = "serve") -> Iterator[Server]:
    server = Server(data, *flags, command=command)
    try:
        server.ready()
        yield server
    finally:
        server.stop(signal.SIGKILL if server.process.poll() is None else signal.SIGTERM)


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)
