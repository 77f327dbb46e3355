"""What a request changes, it changes on the one thread that writes; and a body has a largest size."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from driftwood.store.read import Writable
from ui.api_answer import Refused, reply
from ui.api_state import ServerState

WAIT_S = 10.0
"""A write waits for the commit in hand, and longer only while the disk is full."""
MAX_BODY_BYTES = 8 * 1024 * 1024

T = TypeVar("T")


def written(server: ServerState, write: Callable[[Writable], T]) -> T:
    """The outcome of `write` on the writer's thread, once durable. Raises what it raises, Refused when it waits."""
    pending = server.submit(write)
    try:
        return pending.result(WAIT_S)
    except FutureTimeout as error:
        if pending.cancel():
            why = server.stats()["banner"] or "the writer is busy"
            raise Refused(503, f"nothing was changed: {why}; try again") from error
        raise Refused(
            503, "the change is still being written; look again before you repeat it"
        ) from error


class BodyLimit:
    """ASGI: a request's body is read up to MAX_BODY_BYTES before the app sees it, and refused beyond.

    The paths in `but` see to it themselves.
    """

    def __init__(self, app: ASGIApp, but: Collection[str] = ()) -> None:
        self._app = app
        self._but = but

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] in ("GET", "HEAD")
            or scope["path"] in self._but
        ):
            await self._app(scope, receive, send)
            return
        body = bytearray()
        message = await receive()
        while message["type"] == "http.request":
            body += message.get("body", b"")
            if len(body) > MAX_BODY_BYTES:
                refusal = f"the body is larger than {MAX_BODY_BYTES >> 20} MiB; send it in parts"
                await reply({"error": refusal}, 413)(scope, receive, send)
                return
            if not message.get("more_body", False):
                break
            message = await receive()
        whole: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def replayed() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, replayed, send)
