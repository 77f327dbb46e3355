"""The HTTP API from Python: one method per endpoint, plain dicts as typed in `ui.shapes`.

A moment may be written as the API takes it: RFC 3339, epoch or relative (`-1h`); None leaves the choice to the server.
Raises ServerUnreachable when nothing answers, QueryError for a query that the server refuses, ServerError otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

import httpx
from typing_extensions import Unpack

from driftwood.errors import ServerUnreachable
from ui import questions, shapes
from ui.client_http import DEFAULT_URL, Connection

__all__ = ["DEFAULT_URL", "Client"]


class Client(Connection):
    # -- lines

    def lines(
        self,
        query: str = "",
        ids: str | Sequence[int] | None = None,
        **asked: Unpack[questions.Lines],
    ) -> shapes.Lines:
        """`ids` asks for these lines, whenever they were."""
        if ids is not None and not isinstance(ids, str):
            ids = ",".join(map(str, ids))
        return cast(shapes.Lines, self.get("lines", query=query, ids=ids, **asked))

    def context(self, line_id: int, before: int = 20, after: int = 20) -> shapes.Lines:
        found = self.get(f"lines/{line_id}/context", before=before, after=after)
        return cast(shapes.Lines, found)

    def counts(self, query: str = "", **asked: Unpack[questions.Counts]) -> shapes.Counts:
        return cast(shapes.Counts, self.get("counts", query=query, **asked))

    # -- LogQL

    def query(
        self, query: str, time: str | None = None, limit: int | None = None
    ) -> shapes.LokiAnswer:
        """A metric query at one instant, by default now."""
        return cast(shapes.LokiAnswer, self.loki("query", query=query, time=time, limit=limit))

    def query_range(self, query: str, **asked: Unpack[questions.Range]) -> shapes.LokiAnswer:
        return cast(shapes.LokiAnswer, self.loki("query_range", query=query, **asked))

    def label_names(self, **asked: Unpack[questions.Span]) -> list[str]:
        """Of streams, as queries name them."""
        return cast(list[str], self.loki("labels", **asked))

    def values_of_label(
        self, name: str, query: str | None = None, **asked: Unpack[questions.Span]
    ) -> list[str]:
        """Of one label, in the streams that the selector `query` names."""
        path = f"label/{quote(name, safe='')}/values"
        return cast(list[str], self.loki(path, query=query, **asked))

    def detected_fields(
        self, query: str, **asked: Unpack[questions.Span]
    ) -> list[shapes.DetectedField]:
        """What the newest lines of the streams that the selector `query` names hold."""
        body = self.loki_body("detected_fields", query=query, **asked)
        return cast(list[shapes.DetectedField], body.get("fields") or [])

    def parse(self, query: str) -> shapes.Parsed:
        """What a query is, or where it goes wrong; never raises QueryError."""
        return cast(shapes.Parsed, self.get("parse", query=query))

    def explain(
        self, query: str, time: str | None = None, **asked: Unpack[questions.Range]
    ) -> shapes.Explained:
        """How a query would be answered, without asking it."""
        return cast(shapes.Explained, self.get("explain", query=query, time=time, **asked))

    # -- templates

    def templates(self, **asked: Unpack[questions.Templates]) -> shapes.Templates:
        return cast(shapes.Templates, self.get("templates", **asked))

    def template(self, template_id: str, **asked: Unpack[questions.Span]) -> shapes.TemplateDetail:
        found = self.get(f"templates/{quote(template_id, safe='')}", **asked)
        return cast(shapes.TemplateDetail, found)

    def rules(self) -> list[shapes.Rule]:
        """Of users, about templates; the oldest first."""
        return cast(shapes.Rules, self.get("rules"))["rules"]

    def add_rule(
        self, kind: str, pattern: str = "", name: str = "", templates: Sequence[str] = ()
    ) -> shapes.Rule:
        body = {"kind": kind, "pattern": pattern, "name": name, "templates": list(templates)}
        return cast(shapes.Rule, self.post("rules", body))

    def remove_rule(self, rule_id: str) -> shapes.Rule:
        return cast(shapes.Rule, self.delete(f"rules/{quote(rule_id, safe='')}"))

    def template_diff(self, **asked: Unpack[questions.TemplateDiff]) -> shapes.TemplateDiff:
        return cast(shapes.TemplateDiff, self.get("templates/diff", **asked))

    # -- anomalies

    def anomalies(self, **asked: Unpack[questions.Anomalies]) -> shapes.Anomalies:
        return cast(shapes.Anomalies, self.get("anomalies", **asked))

    def anomaly(self, anomaly_id: str) -> shapes.AnomalyDetail:
        return cast(shapes.AnomalyDetail, self.get(f"anomalies/{quote(anomaly_id, safe='')}"))

    def feedback(
        self, anomaly_id: str, verdict: str, note: str = "", scope: str = ""
    ) -> shapes.AnomalyDetail:
        """`verdict` is real, noise, expected or open; the answer is the anomaly as it is now."""
        path = f"anomalies/{quote(anomaly_id, safe='')}/feedback"
        told = self.post(path, {"verdict": verdict, "note": note, "scope": scope})
        return cast(shapes.AnomalyDetail, told)

    def backtest(self, **wanted: Unpack[questions.Backtest]) -> shapes.Backtest:
        """Begin one; ask for its state until it is no longer running."""
        return cast(shapes.Backtest, self.post("backtest", dict(wanted)))

    def backtests(self) -> list[shapes.Backtest]:
        """The last ten, the newest first, without what they found."""
        return cast(shapes.Backtests, self.get("backtest"))["backtests"]

    def backtest_state(self, backtest_id: str) -> shapes.Backtest:
        return cast(shapes.Backtest, self.get(f"backtest/{quote(backtest_id, safe='')}"))

    def cancel_backtest(self, backtest_id: str) -> shapes.Backtest:
        return cast(shapes.Backtest, self.delete(f"backtest/{quote(backtest_id, safe='')}"))

    # -- dead letters

    def dead_letters(self, **asked: Unpack[questions.DeadLetters]) -> shapes.DeadLetters:
        return cast(shapes.DeadLetters, self.get("dlq", **asked))

    def dead_letter(self, dead_letter_id: int) -> shapes.DeadLetter:
        return cast(shapes.DeadLetter, self.get(f"dlq/{dead_letter_id}"))

    def replay_dead_letters(self, ids: Sequence[int] | None = None) -> shapes.Replayed:
        """None: all that were not replayed yet."""
        body = {"ids": None if ids is None else list(ids)}
        return cast(shapes.Replayed, self.post("dlq/replay", body))

    # -- what there is

    def services(self, **asked: Unpack[questions.Span]) -> shapes.Services:
        return cast(shapes.Services, self.get("services", **asked))

    def labels(self, **asked: Unpack[questions.Span]) -> shapes.LabelNames:
        return cast(shapes.LabelNames, self.get("labels", **asked))

    def label_values(self, name: str, **asked: Unpack[questions.Span]) -> shapes.LabelValues:
        found = self.get(f"labels/{quote(name, safe='')}/values", **asked)
        return cast(shapes.LabelValues, found)

    def stats(self) -> shapes.Stats:
        return cast(shapes.Stats, self.get("stats"))

    def config(self) -> shapes.Config:
        return cast(shapes.Config, self.get("config"))

    # -- results of benchmarks

    def results(
        self, bench: str | None = None, data: str | None = None, protocol: str | None = None
    ) -> shapes.Results:
        return cast(shapes.Results, self.get("results", bench=bench, data=data, protocol=protocol))

    def boards(self) -> shapes.Boards:
        return cast(shapes.Boards, self.get("results/boards"))

    def post_results(self, rows: Sequence[shapes.Result | Mapping[str, Any]]) -> shapes.Stored:
        return cast(shapes.Stored, self.post("results", [dict(row) for row in rows]))

    # -- the server itself

    def is_ready(self) -> bool:
        """Whether it takes work. Raises ServerUnreachable when nothing answers."""
        return self.send("GET", "/ready").status_code == httpx.codes.OK

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
