"""Loki's paths that write: `/loki/api/v1/push`, its older name `/api/prom/push`, and `/otlp/v1/logs`.

A push is answered 204 when the commit that holds its lines is durable; what waits meanwhile shares the next one. It is
refused with 429 while too much waits, with 503 while the disk is full, and an agent then sends it again: nothing is
stored twice. What is wrong with single entries is told with 400 when the others are stored, as Loki does.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from email.message import Message
from typing import Final

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from driftwood.errors import Stopping, StoreError
from ingest import push_json, push_otlp_read, push_proto
from ingest.push import BadPush, NoStreams, PushReader, Sent
from ingest.redact import Redactor
from ui.api_state import ServerState
from ui.loki.body import BadBody, TooLarge, unpack, unsnap

logger = logging.getLogger(__name__)

PUSH: Final = ("/loki/api/v1/push", "/api/prom/push")
OTLP: Final = "/otlp/v1/logs"
PATHS: Final = (*PUSH, OTLP)

READERS: Final = 2
"""Threads that read bodies. More would only take the interpreter from the one that writes."""

_JSON: Final = "application/json"
_PROTOBUF: Final = "application/x-protobuf"

Read = Callable[[bytes], Sent]


class Refused(Exception):
    """A push that is not taken, or not as a whole."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def write_routes(server: ServerState) -> APIRouter:
    """They are not in our OpenAPI: the API is Loki's and OpenTelemetry's."""
    router = APIRouter(include_in_schema=False)
    desk = PushDesk(server)

    async def push(request: Request) -> Response:
        try:
            await desk.take(request, desk.loki)
        except Refused as refused:
            return _plain(refused)
        return Response(status_code=204)

    async def otlp(request: Request) -> Response:
        try:
            await desk.take(request, desk.otlp)
        except Refused as refused:
            return _status(refused, _content_type(request))
        return Response(status_code=204)

    for path in PUSH:
        router.add_api_route(path, push, methods=["POST"])
    router.add_api_route(OTLP, otlp, methods=["POST"])
    return router


class PushDesk:
    """Takes bodies in, hands them on as records, and waits until they are durable."""

    def __init__(self, server: ServerState) -> None:
        self._server = server
        self._limits = server.config.push
        self._reader = PushReader(self._limits, Redactor(server.config.redaction))
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="push")
        self._waiting = Waiting(self._limits.max_waiting_bytes)

    async def take(self, request: Request, kind: Callable[[Request, bytes], Sent]) -> None:
        """Raises Refused."""
        if "origin" in request.headers:
            raise Refused(403, "pages in a browser may not push: no agent sends the header Origin")
        deadline = time.monotonic() + self._limits.wait_s
        with self._waiting.one() as waiting:
            body = await _body(request, self._limits.max_body_bytes, waiting.grow)
            loop = asyncio.get_running_loop()
            stored, refused = await loop.run_in_executor(
                self._readers, self._queue, request, kind, body, waiting, deadline
            )
            del body
            if stored is not None:
                await _durable(stored, deadline)
        if refused:
            raise Refused(400, refused)

    def loki(self, request: Request, body: bytes) -> Sent:
        """The entries of a push of Loki's. Raises BadBody, BadPush."""
        encoding, limit = _encoding(request), self._limits.max_body_bytes
        if _content_type(request) == _JSON:
            return push_json.read(unpack(body, encoding, limit), self._reader.labels)
        packed = body if encoding == "snappy" else unpack(body, encoding, limit)
        try:
            plain = unsnap(packed, limit)
        except BadBody as error:
            if packed.lstrip()[:1] == b"{":
                raise BadBody(f"{error}; JSON needs the header Content-Type: {_JSON}") from error
            raise
        return push_proto.read(plain, self._reader.labels)

    def otlp(self, request: Request, body: bytes) -> Sent:
        """The entries of an export of OTLP's. Raises BadBody, BadPush."""
        kind = _content_type(request)
        if kind not in (_JSON, _PROTOBUF):
            raise BadBody(f"content type: {kind} is not supported")
        plain = unpack(body, _encoding(request), self._limits.max_body_bytes)
        read = push_otlp_read.read_json if kind == _JSON else push_otlp_read.read_proto
        return read(plain, self._reader.labels)

    def _queue(
        self,
        request: Request,
        kind: Callable[[Request, bytes], Sent],
        body: bytes,
        waiting: Share,
        deadline: float,
    ) -> tuple[Future[None] | None, str]:
        """What says when the lines are durable, if there are any, and why entries are left out. Raises Refused."""
        try:
            sent = kind(request, body)
            waiting.grow(sent.line.nbytes)
            records, refused = self._reader.records(sent)
            if not records.num_rows:
                return None, refused
            stored = self._server.push(records, max(deadline - time.monotonic(), 0.0))
        except TooLarge as error:
            raise Refused(413, str(error)) from error
        except NoStreams as error:
            raise Refused(422, str(error)) from error
        except (BadBody, BadPush) as error:
            raise Refused(400, str(error)) from error
        except (StoreError, Stopping) as error:
            raise Refused(503, f"{error}; send it again") from error
        if stored is None:
            raise Refused(429, "too many lines wait to be stored; send it again")
        return stored, refused


class Waiting:
    """How many bytes of pushes are held in memory at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._changing = threading.Lock()

    def one(self) -> Share:
        """The share of one push: as a context, it is given back at the end."""
        return Share(self)

    def change(self, size: int) -> None:
        """Raises Refused when there is no room for `size` more bytes."""
        with self._changing:
            if size > 0 and self._held + size > self._most:
                raise Refused(429, "too many pushes wait to be stored; send it again")
            self._held += size


class Share:
    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._held = 0

    def __enter__(self) -> Share:
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.change(-self._held)

    def grow(self, size: int) -> None:
        """Raises Refused."""
        self._waiting.change(size)
        self._held += size


async def _body(request: Request, limit: int, grow: Callable[[int], None]) -> bytes:
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > limit:
        raise Refused(413, str(TooLarge(int(told), limit)))
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise Refused(413, str(TooLarge(size, limit)))
            grow(len(part))
            parts.append(part)
    except ClientDisconnect as error:
        raise Refused(400, "the body ended early") from error
    return b"".join(parts)


async def _durable(stored: Future[None], deadline: float) -> None:
    """Wait until `stored` is done. Raises Refused when that takes too long or comes to nothing."""
    waiter = asyncio.wrap_future(stored)
    done, _ = await asyncio.wait({waiter}, timeout=max(deadline - time.monotonic(), 0.001))
    if not done:
        waiter.add_done_callback(lambda late: late.cancelled() or late.exception())
        if stored.cancel():
            raise Refused(503, "nothing was stored: the writer is busy; send it again")
        raise Refused(503, "it is still being stored; send it again, it is not stored twice")
    try:
        waiter.result()
    except (StoreError, Stopping) as error:
        raise Refused(503, f"{error}; send it again") from error


def _encoding(request: Request) -> str:
    return request.headers.get("content-encoding", "").strip().lower()


def _content_type(request: Request) -> str:
    """Without parameters."""
    message = Message()
    message["content-type"] = request.headers.get("content-type", "")
    return message.get_content_type() if message["content-type"] else ""


def _later(status: int) -> dict[str, str]:
    return {"Retry-After": "1" if status == 429 else "5"} if status in (429, 503) else {}


def _plain(refused: Refused) -> Response:
    """As Go's `http.Error` writes it."""
    headers = {"X-Content-Type-Options": "nosniff", **_later(refused.status)}
    return Response(f"{refused}\n", refused.status, headers, "text/plain; charset=utf-8")


def _status(refused: Refused, content_type: str) -> Response:
    """OTLP's refusals are a `google.rpc.Status` in the encoding of the request; its field 2 is the message."""
    text = str(refused)
    headers = _later(refused.status)
    if content_type == _JSON:
        return Response(orjson.dumps({"message": text}), refused.status, headers, _JSON)
    if content_type != _PROTOBUF:
        return _plain(refused)
    raw = text.encode(errors="replace")
    size, length = len(raw), bytearray()
    while size >= 0x80:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return Response(b"\x12" + bytes(length) + raw, refused.status, headers, _PROTOBUF)
