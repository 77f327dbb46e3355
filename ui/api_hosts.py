"""Under which names the API answers: a page of the web must not reach it by a name of its own.

The API has no passwords, so what keeps a page in a browser from reading logs is its origin. A page of `evil.example`
can make that name point at this machine (DNS rebinding) and is then its origin; but the browser tells the name. And a
WebSocket is open to pages of every origin, unless the server looks at the origin itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from ui.api_answer import reply

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class KnownHosts:
    """ASGI: refuses requests for another name than an address, a name without a dot, *.localhost or one of `hosts`.

    Also a WebSocket that a page of another origin opens. Agents know the server by any name: the paths in `but` let
    nobody read, and refuse what a page sends.
    """

    def __init__(
        self, app: ASGIApp, hosts: Callable[[], Collection[str]], but: Collection[str] = ()
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._but = but

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope["path"] not in self._but:
            headers = Headers(scope=scope)
            host = name_of(headers.get("host", ""))
            if not is_local(host) and host not in self._hosts():
                refusal = f"this server does not answer as {host}; add the name to [server] hosts if it is yours"
                await _refuse(refusal, 421, scope, receive, send)
                return
            if scope["type"] == "websocket" and not self._may_listen(headers):
                refusal = "pages of other origins may not listen here; add the host to [server] hosts if it is yours"
                await _refuse(refusal, 403, scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _may_listen(self, headers: Headers) -> bool:
        """Programs name no origin; a page may be of this server, of this machine or of one of `hosts`."""
        origin = headers.get("origin")
        if origin is None:
            return True
        place = origin.partition("://")[2].lower()
        name = name_of(place)
        return place == headers.get("host", "").lower() or name in LOOPBACK or name in self._hosts()


async def _refuse(refusal: str, status: int, scope: Scope, receive: Receive, send: Send) -> None:
    answer = reply({"error": refusal}, status)
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(answer)
    else:
        await answer(scope, receive, send)


def name_of(host: str) -> str:
    """The header `Host` without its port.

    >>> [name_of(h) for h in ("Logs.example:3100", "[::1]:3100", "::1", "")]
    ['logs.example', '::1', '::1', '']
    """
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, _, port = host.rpartition(":")
    return (name if name and ":" not in name and port.isdigit() else host).lower()


def is_local(name: str) -> bool:
    """Whether no page of the web can have this name as its own.

    >>> [is_local(n) for n in ("127.0.0.1", "::1", "localhost", "server", "evil.example", "10.0.0.1.evil.example")]
    [True, True, True, True, False, False]
    """
    if "." not in name or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
