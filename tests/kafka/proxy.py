"""A TCP proxy that makes a bad network between a client and a broker: it delays, cuts, resets and refuses."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time


class Proxy:
    """Forwards `127.0.0.1:port` to `127.0.0.1:target`; one thread per direction of a connection."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.delay_s = 0.0
        """Seconds by which every piece of an answer of the broker is held back."""
        self.refusing = False
        """Hang up on whoever connects: to a client, a broker that is away."""
        self.connections = 0
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._accept, name="proxy", daemon=True)]
        self._threads[0].start()

    def cut(self) -> None:
        """End every connection as a closing peer does (FIN)."""
        self._end(reset=False)

    def reset(self) -> None:
        """End every connection as a crashing peer does (RST)."""
        self._end(reset=True)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.delay_s = 0.0
        self.cut()
        for thread in self._threads:
            thread.join(timeout=5)

    def _end(self, reset: bool) -> None:
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                if reset:  # linger for 0 s: the kernel answers with RST
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            self.connections += 1
            if self.refusing:
                client.close()
                continue
            try:
                broker = socket.create_connection(("127.0.0.1", self._target), timeout=5)
            except OSError:
                client.close()
                continue
            broker.settimeout(None)
            with self._lock:
                self._pairs.append((client, broker))
            for source, sink, slow in ((client, broker, False), (broker, client, True)):
                pump = threading.Thread(target=self._pump, args=(source, sink, slow), daemon=True)
                pump.start()
                self._threads.append(pump)

    def _pump(self, source: socket.socket, sink: socket.socket, slow: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65_536):
                if slow and self.delay_s:
                    time.sleep(self.delay_s)
                sink.sendall(piece)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
