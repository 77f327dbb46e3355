"""The connection under `ui.client`: requests, and what an answer that is none means."""

from __future__ import annotations

import re
from types import TracebackType
from typing import Any, NoReturn, Self

import httpx

from driftwood.errors import QueryError, ServerError, ServerUnreachable

DEFAULT_URL = "http://127.0.0.1:3100"

# httpx opens a connection within `timeout`, but a server that is not there should be noticed sooner.
CONNECT_S = 3.0

_PLACE = re.compile(r"at line (\d+), col (\d+)")


class Connection:
    """Connections are kept and shared by threads; close it, or use it in `with`, when done."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        timeout: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._timeout = timeout
        try:
            self._http = httpx.Client(
                base_url=self.url,
                timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_S)),
                transport=transport,
                trust_env=False,  # a proxy of the environment must not see logs
            )
        except httpx.InvalidURL as error:
            raise self._unreachable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **parameters: object) -> Any:
        """One of our own paths, which answer in JSON, refusals too."""
        return self._answer(self.send("GET", f"/api/v1/{path}", params=_given(parameters)))

    def post(self, path: str, body: object) -> Any:
        return self._answer(self.send("POST", f"/api/v1/{path}", json=body))

    def delete(self, path: str) -> Any:
        return self._answer(self.send("DELETE", f"/api/v1/{path}"))

    def loki(self, path: str, **parameters: object) -> Any:
        """One of Loki's paths that answer `{"status": "success", "data": ...}`: the data."""
        body = self.loki_body(path, **parameters)
        if body.get("status") != "success":
            raise ServerError(
                f"{self.url} answered /loki/api/v1/{path} and not as Loki does; name another with --url"
            )
        return body.get("data")

    def loki_body(self, path: str, **parameters: object) -> dict[str, Any]:
        """One of Loki's paths: an object. They refuse in plain text."""
        response = self.send("GET", f"/loki/api/v1/{path}", params=_given(parameters))
        if not response.is_success and response.headers.get("content-type", "").startswith("text/"):
            self._refused(response, str(parameters.get("query") or ""))
        body = self._answer(response)
        if not isinstance(body, dict):
            raise self._stranger(response)
        return body

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **request)
        except httpx.ReadTimeout as error:
            raise ServerError(
                f"the server at {self.url} did not answer {path} within {self._timeout:g} s; ask for less"
            ) from error
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise self._unreachable(error) from error

    def _answer(self, response: httpx.Response) -> Any:
        try:
            body = response.json()
        except ValueError as error:
            raise self._stranger(response) from error
        if response.is_success:
            return body
        if not isinstance(body, dict) or "error" not in body:
            raise self._stranger(response)
        if "query" in body or "hint" in body:
            query, at, hint = body.get("query", ""), body.get("at", 0), body.get("hint", "")
            raise QueryError(body["error"], query, at, hint)
        raise ServerError(body["error"], response.status_code)

    def _refused(self, response: httpx.Response, query: str) -> NoReturn:
        text = response.text.strip()
        if response.status_code != httpx.codes.BAD_REQUEST:
            raise ServerError(text or f"{self.url} answered {response.status_code}")
        place = _PLACE.search(text)
        if place is None:
            raise QueryError(text)
        raise QueryError(text, query, offset(query, int(place[1]), int(place[2])))

    def _unreachable(self, error: Exception) -> ServerUnreachable:
        return ServerUnreachable(
            f"no Driftwood server answers at {self.url} ({error or type(error).__name__}); "
            "start one with `driftwood serve`, or name another with --url"
        )

    def _stranger(self, response: httpx.Response) -> ServerError:
        return ServerError(
            f"{self.url} answered {response.status_code} and not as a Driftwood server does; name another with --url",
            response.status_code,
        )


def offset(text: str, line: int, column: int) -> int:
    r"""Where in `text` a line and column, both from 1, are.

    >>> offset("ab\ncd", 2, 1), offset("ab", 1, 3), offset("ab", 7, 1)
    (3, 2, 2)
    """
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1 or len(text)
    return min(start + max(column - 1, 0), len(text))


def _given(parameters: dict[str, object]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}
