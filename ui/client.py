"""The HTTP API from Python: one method per endpoint, plain dicts as typed in `ui.shapes`.

A moment may be written as the API takes it: RFC 3339, epoch or relative (`-1h`); None leaves the choice to the server.
Raises ServerUnreachable when nothing answers, QueryError for a query that the server refuses, ServerError otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar, cast
from urllib.parse import quote

import httpx

from driftwood.errors import QueryError, ServerError, ServerUnreachable
from ui import shapes

DEFAULT_URL = "http://127.0.0.1:3100"

# httpx opens a connection within `timeout`, but a server that is not there should be noticed sooner.
CONNECT_S = 3.0

T = TypeVar("T")
Parameters = Mapping[str, str | int | float | None]


class Client:
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

    def __enter__(self) -> Client:
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

    # -- lines

    def lines(
        self,
        query: str = "",
        start: str | None = None,
        end: str | None = None,
        limit: int = 100,
        direction: str = "backward",
        template: str | None = None,
        ids: str | Sequence[int] | None = None,
    ) -> shapes.Lines:
        """`ids` asks for these lines, whenever they were."""
        if ids is not None and not isinstance(ids, str):
            ids = ",".join(map(str, ids))
        return self._get(
            "lines",
            shapes.Lines,
            query=query,
            start=start,
            end=end,
            limit=limit,
            direction=direction,
            template=template,
            ids=ids,
        )

    def context(self, line_id: int, before: int = 20, after: int = 20) -> shapes.Lines:
        return self._get(f"lines/{line_id}/context", shapes.Lines, before=before, after=after)

    def counts(
        self,
        query: str = "",
        start: str | None = None,
        end: str | None = None,
        step: str | None = None,
        by: str = "severity",
        template: str | None = None,
    ) -> shapes.Counts:
        return self._get(
            "counts",
            shapes.Counts,
            query=query,
            start=start,
            end=end,
            step=step,
            by=by,
            template=template,
        )

    # -- templates

    def templates(
        self,
        query: str = "",
        start: str | None = None,
        end: str | None = None,
        service: str | None = None,
        search: str | None = None,
        order: str = "count",
        limit: int = 100,
    ) -> shapes.Templates:
        return self._get(
            "templates",
            shapes.Templates,
            query=query,
            start=start,
            end=end,
            service=service,
            search=search,
            order=order,
            limit=limit,
        )

    def template(
        self, template_id: str, start: str | None = None, end: str | None = None
    ) -> shapes.TemplateDetail:
        return self._get(
            f"templates/{quote(template_id, safe='')}", shapes.TemplateDetail, start=start, end=end
        )

    def template_diff(
        self,
        start: str | None = None,
        end: str | None = None,
        base_start: str | None = None,
        base_end: str | None = None,
        query: str = "",
        limit: int = 50,
    ) -> shapes.TemplateDiff:
        """Without a base: against the span of the same length before."""
        return self._get(
            "templates/diff",
            shapes.TemplateDiff,
            query=query,
            start=start,
            end=end,
            base_start=base_start,
            base_end=base_end,
            limit=limit,
        )

    # -- anomalies

    def anomalies(
        self,
        start: str | None = None,
        end: str | None = None,
        service: str | None = None,
        detector: str | None = None,
        status: str = "all",
        limit: int = 100,
    ) -> shapes.Anomalies:
        return self._get(
            "anomalies",
            shapes.Anomalies,
            start=start,
            end=end,
            service=service,
            detector=detector,
            status=status,
            limit=limit,
        )

    def anomaly(self, anomaly_id: str) -> shapes.AnomalyDetail:
        return self._get(f"anomalies/{quote(anomaly_id, safe='')}", shapes.AnomalyDetail)

    def feedback(
        self, anomaly_id: str, verdict: str, note: str = "", scope: str = ""
    ) -> shapes.AnomalyDetail:
        """`verdict` is real, noise, expected or open; the answer is the anomaly as it is now."""
        body = {"verdict": verdict, "note": note, "scope": scope}
        return self._post(
            f"anomalies/{quote(anomaly_id, safe='')}/feedback", shapes.AnomalyDetail, body
        )

    # -- dead letters

    def dead_letters(
        self,
        start: str | None = None,
        end: str | None = None,
        limit: int = 100,
        source: str | None = None,
    ) -> shapes.DeadLetters:
        return self._get(
            "dlq", shapes.DeadLetters, start=start, end=end, limit=limit, source=source
        )

    def dead_letter(self, dead_letter_id: int) -> shapes.DeadLetter:
        return self._get(f"dlq/{dead_letter_id}", shapes.DeadLetter)

    def replay_dead_letters(self, ids: Sequence[int] | None = None) -> shapes.Replayed:
        """None: all that were not replayed yet."""
        return self._post(
            "dlq/replay", shapes.Replayed, {"ids": None if ids is None else list(ids)}
        )

    # -- what there is

    def services(self, start: str | None = None, end: str | None = None) -> shapes.Services:
        return self._get("services", shapes.Services, start=start, end=end)

    def labels(self, start: str | None = None, end: str | None = None) -> shapes.LabelNames:
        return self._get("labels", shapes.LabelNames, start=start, end=end)

    def label_values(
        self, name: str, start: str | None = None, end: str | None = None
    ) -> shapes.LabelValues:
        return self._get(
            f"labels/{quote(name, safe='')}/values", shapes.LabelValues, start=start, end=end
        )

    def stats(self) -> shapes.Stats:
        return self._get("stats", shapes.Stats)

    def config(self) -> shapes.Config:
        return self._get("config", shapes.Config)

    # -- results of benchmarks

    def results(self, bench: str | None = None) -> shapes.Results:
        return self._get("results", shapes.Results, bench=bench)

    def post_results(self, rows: Sequence[shapes.Result | Mapping[str, Any]]) -> shapes.Stored:
        return self._post("results", shapes.Stored, [dict(row) for row in rows])

    # -- the server itself

    def is_ready(self) -> bool:
        """Whether it takes work. Raises ServerUnreachable when nothing answers."""
        return self._send("GET", "/ready").status_code == httpx.codes.OK

    def wait_ready(self, timeout: float = 30.0) -> None:
        """Returns as soon as the server takes work. Raises ServerUnreachable after `timeout` seconds."""
        until = time.monotonic() + timeout
        while True:
            try:
                if self.is_ready():
                    return
                trouble = (
                    f"the server at {self.url} was not ready after {timeout:g} s; its log says why"
                )
            except ServerUnreachable as error:
                trouble = str(error)
            if time.monotonic() >= until:
                raise ServerUnreachable(trouble)
            time.sleep(0.05)

    # -- HTTP

    def _get(self, path: str, shape: type[T], **parameters: str | int | float | None) -> T:
        asked = {name: value for name, value in parameters.items() if value is not None}
        return cast(T, self._answer(self._send("GET", f"/api/v1/{path}", params=asked)))

    def _post(self, path: str, shape: type[T], body: object) -> T:
        return cast(T, self._answer(self._send("POST", f"/api/v1/{path}", json=body)))

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
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
        if "query" in body:
            raise QueryError(body["error"], body["query"], body.get("at", 0))
        raise ServerError(body["error"], response.status_code)

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
