"""`driftwood serve`: sources, pipeline, store and HTTP API in one process, from the first signal to the last."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import FrameType
from typing import TypeVar

import uvicorn

from driftwood.config import Config
from driftwood.errors import ConfigError, Stopping, StoreFull
from driftwood.records import Feedback, Records
from driftwood.store.read import Writable
from driftwood.store.store import DuckStore
from parsing.rules import Rules
from ui.api import create_app
from ui.api_state import PipelineStats
from ui.backtests import Backtests
from ui.dead_letters import replay
from ui.parts import Parts, assemble, configured_sources
from ui.shapes import Replayed

logger = logging.getLogger(__name__)
T = TypeVar("T")

GRACE_S = 3.0
"""How long requests may go on after the signal; then their queries are cancelled."""
KEEP_ALIVE_S = 120
"""How long an idle connection stays open, as with Loki. Agents send every few seconds: one that is closed just then
costs them a push that they have to repeat."""
SHUTDOWN_S = 8
"""When connections are cut. Docker kills after 10."""


class RunningServer:
    """What the API sees of the process (`ui.api_state.ServerState`), and the process itself."""

    def __init__(self, parts: Parts) -> None:
        self.config: Config = parts.config
        self.store: DuckStore = parts.store
        self.backtests = Backtests(lambda: self.store)
        self.ready = False
        self.failure: BaseException | None = None
        self._parts = parts
        self._started = time.time_ns()
        self._on_failure: Callable[[], None] = lambda: None
        self._worker = threading.Thread(target=self._work, name="pipeline", daemon=True)

    def start(self, on_failure: Callable[[], None]) -> None:
        """Recover and run the pipeline on a thread of its own; `on_failure` is called when it dies."""
        self._on_failure = on_failure
        self._worker.start()

    def _work(self) -> None:
        try:
            self._parts.pipeline.recover()
            self.ready = True
            logger.info("ready sources=%d", len(self._parts.sources))
            self._parts.pipeline.run()
        except Stopping as stopping:
            logger.info("not ready yet: %s", stopping)
        except BaseException as error:
            self.failure = error
            self._on_failure()
        finally:
            self.ready = False

    def stop(self) -> None:
        """Finish the turn in hand, save what spares the next start work, close the store; once is enough."""
        self._parts.pipeline.stop()
        if self._worker.is_alive():
            self._worker.join()
        self.store.close()

    def submit(self, write: Callable[[Writable], T]) -> Future[T]:
        """Run `write(store)` on the writing thread."""
        return self._parts.pipeline.submit(lambda: write(self.store))

    def follow(self, rules: Rules) -> None:
        """Parse by these rules from the next line on; writing thread only."""
        self._parts.parser.use(rules)

    def judge(self, said: Feedback) -> None:
        """Store what a person says of an anomaly, and learn from it; writing thread only."""
        self._parts.pipeline.judge(said)

    def effects(self, anomaly_id: str) -> Mapping[str, str]:
        """What each verdict on this anomaly would teach, in a sentence; {} when nothing."""
        return self._parts.pipeline.effects(anomaly_id)

    def push(self, records: Records, timeout: float) -> Future[None] | None:
        """Queue pushed lines; the future is done when they are durable. None: no room for `timeout` seconds."""
        if not self.ready:
            raise Stopping("the server is not ready")
        if (banner := self._parts.pipeline.banner) is not None:
            raise StoreFull(banner)
        return self._parts.pipeline.push(records, timeout)

    def replay_dead_letters(self, ids: Sequence[int] | None) -> Replayed:
        """Decode dead letters again and store what can be decoded now; each at most once."""
        task = lambda: replay(self._parts, ids)  # noqa: E731
        return self._parts.pipeline.submit(task).result()

    def stats(self) -> PipelineStats:
        stats: PipelineStats = {"started": self._started, **self._parts.pipeline.stats()}  # type: ignore[typeddict-item]
        return stats


def bind(listen: str) -> socket.socket:
    """A listening socket. Raises ConfigError for a bad address or a port that is taken."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise ConfigError(f"--listen {listen!r} is not HOST:PORT, as in 127.0.0.1:3100")
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM
        )[0]
        listener = socket.socket(family, kind, proto)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1024)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {listen}: {error.strerror or error}. "
            "Is another server running there? Choose another address with --listen HOST:PORT"
        ) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Where a listening socket is asked from this machine."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Answers that are late wait for the store or for the writer: both end first, so that the answers can be given."""

    def __init__(self, config: uvicorn.Config, running: RunningServer) -> None:
        super().__init__(config)
        self._running = running

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        ending = threading.Thread(target=self._running.stop, name="stop")
        late = asyncio.get_running_loop().call_later(GRACE_S, ending.start)
        await super().shutdown(sockets)
        late.cancel()
        self._running.stop()


def serve(
    config: Config, data: Path, on_listening: Callable[[str], None] = lambda url: None
) -> None:
    """Run until SIGINT or SIGTERM; the store is clean afterwards. Raises what stopped the pipeline, if anything did.

    `on_listening` gets the server's URL once it accepts connections.
    """
    listener = bind(config.server.listen)
    with listener:
        store = DuckStore.open(data, config.store)
        try:
            parts = assemble(config, store, configured_sources(config, data), keep_alive=True)
        except BaseException:
            store.close()
            raise
        running = RunningServer(parts)
        server = _Server(
            uvicorn.Config(
                create_app(running),
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=SHUTDOWN_S,
                timeout_keep_alive=KEEP_ALIVE_S,
            ),
            running,
        )

        def leave(number: int = signal.SIGTERM, frame: FrameType | None = None) -> None:
            server.should_exit = True

        # uvicorn raises the signals it caught again after it has stopped; ours must survive that.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, leave)
        url = url_of(listener)
        logger.info("listening url=%s data=%s", url, data)
        running.start(on_failure=leave)
        try:
            on_listening(url)
            server.run(sockets=[listener])
        finally:
            running.stop()
        logger.info("stopped")
        if running.failure is not None:
            raise running.failure
