"""The JSON of the HTTP API as types: what `ui.api` answers and `ui.client` returns.

Template ids and times in ns do not fit a JavaScript number and are texts; `line_id` is dense and stays a number.
Times for people are RFC 3339, UTC. Imports nothing of ours: the dashboard may only know the client.
"""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict  # pydantic cannot read typing's before 3.12


class Problem(TypedDict):
    """The body of every answer that is not 2xx."""

    error: str
    """What is wrong, where, and what to do about it."""
    query: NotRequired[str]
    at: NotRequired[int]
    """Where in `query` the trouble starts, in characters from 0."""
    hint: NotRequired[str]
    """What would be right."""


class Health(TypedDict):
    status: str


class Line(TypedDict):
    line_id: int
    ts: str
    time: str
    line: str
    labels: dict[str, str]
    metadata: dict[str, str]
    severity: str
    """trace | debug | info | warn | error | fatal, "" when unknown"""
    severity_number: int
    service: str
    template_id: str
    template_version: int
    topic: str
    part: int
    off: int
    idx: int
    spans: list[list[int]]
    """[from, to) in characters of `line`: what the template leaves open; none where the query wrote the line anew."""
    parsed: NotRequired[dict[str, str]]
    """What the query's parsers and formats made, where it has any."""


class AnswerStats(TypedDict):
    ms: float
    returned: int


class Lines(TypedDict):
    lines: list[Line]
    """Ordered by (ts, line_id): newest first for direction=backward, oldest first for forward."""
    stats: AnswerStats


class LokiStream(TypedDict):
    """Lines of one label set, as Loki's paths give them: `[ts in ns, line]` or `[ts, line, {...}]`."""

    stream: dict[str, str]
    values: list[list[Any]]


class LokiSeries(TypedDict):
    metric: dict[str, str]
    values: list[tuple[float, str]]
    """[epoch s, the number as text]"""


class LokiSample(TypedDict):
    metric: dict[str, str]
    value: tuple[float, str]


class LokiAnswer(TypedDict):
    resultType: str
    """streams | matrix | vector | scalar"""
    result: list[Any]
    """LokiStream, LokiSeries or LokiSample by the type; for a scalar [epoch ms, the number as text]."""


class DetectedField(TypedDict):
    label: str
    type: str
    cardinality: int
    parsers: list[str] | None


class Parsed(TypedDict):
    """What a query is; or, with ok false, what is wrong with it."""

    ok: bool
    kind: str
    """"log" for lines, "metric" for numbers, "" for what is no query"""
    canonical: str
    """The same query as Loki writes it."""
    pretty: str
    """The same over several lines, where it is long."""
    error: str
    at: int
    """Where in the query the trouble starts, in characters from 0."""
    hint: str
    """What would be right."""


class Explained(TypedDict):
    plan: list[str]
    """Sentences, in the order of what is done."""
    sql: str
    """All that DuckDB is asked, each statement with the values that it binds; "" where it is asked nothing."""


class Series(TypedDict):
    key: str
    points: list[tuple[float, int]]
    """[epoch s at which the bucket starts, lines in (start, start + step]], for every bucket of the range."""


class Counts(TypedDict):
    start: str
    end: str
    """What was counted: (start, end], widened to whole minutes where the roll-ups answered."""
    step_s: float
    series: list[Series]
    """The largest first; "" collects what lies beyond the largest ones (by service or template)."""
    total: int


class Template(TypedDict):
    id: str
    version: int
    text: str
    name: str
    """That a user gave it, or ""."""
    count: int
    share: float
    """Of all lines counted, 0..1."""
    services: list[str]
    severities: dict[str, int]
    first_seen: str
    last_seen: str
    """In the whole store; the start of that minute."""
    spark: list[int]
    """30 counts across the range."""
    is_new: bool
    """First seen inside the range and after the store's warm-up."""


class Templates(TypedDict):
    templates: list[Template]
    total: int
    """How many templates there are beyond `limit` too."""


class ChangedTemplate(Template):
    base_count: int
    ratio: float
    """Rate now by rate in the base window, each plus one line."""
    surprise: float
    """Of the change of rate, in standard deviations: positive for more, negative for less."""


class RewordedTemplate(ChangedTemplate):
    base_id: str
    """Differs from `id` where a template that vanished and a new one are so alike that they are taken for one."""
    base_text: str


class TemplateDiff(TypedDict):
    new: list[ChangedTemplate]
    vanished: list[ChangedTemplate]
    """Described (share, services, severities, spark) as they were in the base window."""
    changed: list[ChangedTemplate]
    reworded: list[RewordedTemplate]


class Rule(TypedDict):
    id: str
    """Follows from what the rule is about."""
    kind: str
    """protect, mask, apart or rename"""
    pattern: str
    """The token, or the expression (RE2) that is masked."""
    name: str
    """Of the parameter, or of the template."""
    templates: list[str]
    created: str


class Rules(TypedDict):
    rules: list[Rule]


class TemplateVersion(TypedDict):
    version: int
    text: str
    exact: bool
    created: str


class Spread(TypedDict):
    """Of numbers as they are, durations in seconds, sizes in bytes."""

    min: float
    median: float
    max: float


class SlotValue(TypedDict):
    slot: int
    name: str
    """The key before it, as in `user=`, or the name that a rule gave it; "" where there is none."""
    kind: str
    """ip, uuid, path, number, duration, size, time...; text where values are of several kinds or none that is known."""
    top: list[tuple[str, int]]
    distinct: int
    """Among the sampled lines."""
    spread: Spread | None
    """Where all that was sampled has a value in numbers."""


class TemplateDetail(Template):
    versions: list[TemplateVersion]
    parents: list[str]
    children: list[str]
    """Lineage: templates it took over or came out of, and those that took it over."""
    lines: list[Line]
    values: list[SlotValue]
    sampled: int
    """Lines that `values` was made from."""


class Contribution(TypedDict):
    template_id: str
    template: str
    seen: float
    expected: float
    weight: float


class Anomaly(TypedDict):
    id: str
    detector: str
    kind: str
    source: dict[str, str]
    service: str
    start: str
    end: str
    start_ns: str
    end_ns: str
    score: float
    p_value: float | None
    title: str
    contributions: list[Contribution]
    line_ids: list[int]
    status: str
    """open | real | noise | expected: the newest feedback's verdict"""
    note: str
    created: str


class Anomalies(TypedDict):
    anomalies: list[Anomaly]
    """The newest first."""
    total: int


class Feedback(TypedDict):
    verdict: str
    note: str
    scope: str
    created: str


class AnomalyDetail(Anomaly):
    feedback: list[Feedback]
    """The newest first."""
    effects: dict[str, str]
    """Verdict -> what it would teach, in a sentence; empty when the detector learns from no verdict."""


class DeadLetter(TypedDict):
    id: int
    time: str
    source: str
    topic: str
    part: int
    off: int
    idx: int
    stage: str
    reason: str
    raw: str
    """What can be read of it, the rest escaped as \\xNN; in a list of its first 2,000 bytes."""
    raw_base64: str
    """The same bytes exactly."""
    raw_bytes: int
    """All there are."""
    headers: list[tuple[str, str]]
    replayed_at: str | None


class DeadLetters(TypedDict):
    dead_letters: list[DeadLetter]
    """The newest first."""
    total: int


class Replayed(TypedDict):
    replayed: int
    still_dead: int


class Service(TypedDict):
    service: str
    label: str
    """By which label a query selects it; "" where none says it."""
    count: int
    errors: int
    templates: int


class Services(TypedDict):
    services: list[Service]


class LabelNames(TypedDict):
    labels: list[str]


class LabelValues(TypedDict):
    values: list[str]


class Rows(TypedDict):
    hot: int
    sealed: int


class Queue(TypedDict):
    rows: int
    capacity: int
    paused: bool


class CommitMs(TypedDict):
    p50: float
    p99: float
    last: float


class SourceRow(TypedDict):
    name: str
    kind: str
    state: str
    detail: str
    lag: int | None
    lag_seconds: float | None
    positions: list[dict[str, str | int]]


class DetectorRow(TypedDict):
    name: str
    state: str
    progress: float
    """Of the warm-up, 0..1."""
    sources: int
    """That it knows."""
    detail: str


class StoreSize(TypedDict):
    path: str
    bytes: int
    file_bytes: int
    segment_bytes: int
    segments: int
    free_bytes: int
    text_bytes: int
    """Of all lines as text: what compression is measured against."""


class CommitHistogram(TypedDict):
    """Commits since the start, as Prometheus has them."""

    count: int
    sum_s: float
    buckets: list[tuple[float, int]]
    """(upper bound in s, commits up to it), cumulative, ascending, without +Inf."""


class Stats(TypedDict):
    version: str
    started: str
    uptime_s: float
    ready: bool
    banner: str | None
    lines_total: int
    lines_per_s: float
    rows: Rows
    newest: str | None
    oldest: str | None
    queue: Queue
    commit_ms: CommitMs
    sources: list[SourceRow]
    store: StoreSize
    dead_letters: int
    templates: int
    anomalies_open: int
    detectors: list[DetectorRow]
    memory_mb: float
    cpu_s: float


class Result(TypedDict):
    """One row of a benchmark; a failure has value null and its reason in `note`."""

    bench: str
    data: str
    protocol: str
    subject: str
    metric: str
    value: NotRequired[float | None]
    low: NotRequired[float | None]
    high: NotRequired[float | None]
    n: NotRequired[int | None]
    seeds: NotRequired[int | None]
    seconds: NotRequired[float | None]
    peak_mb: NotRequired[float | None]
    commit: NotRequired[str | None]
    device: NotRequired[str | None]
    at: NotRequired[str | None]
    config: NotRequired[str | None]
    data_sha: NotRequired[str | None]
    note: NotRequired[str | None]


class Results(TypedDict):
    results: list[Result]


class BoardRow(TypedDict):
    """A leaderboard that there is."""

    bench: str
    data: str
    protocol: str
    rows: int
    at: str | None


class Boards(TypedDict):
    boards: list[BoardRow]


class Stored(TypedDict):
    stored: int


Config = dict[str, dict[str, Any]]
"""The settings in force by section; secrets read ***."""


class DayCount(TypedDict):
    day: str
    """UTC"""
    count: int


class SourceCount(TypedDict):
    source: dict[str, str]
    service: str
    count: int
    per_day: float


class KindCount(TypedDict):
    detector: str
    kind: str
    count: int


class BacktestExample(TypedDict):
    id: str
    detector: str
    kind: str
    service: str
    start: str
    end: str
    score: float
    title: str
    stored_as: str | None
    """The status of a stored anomaly of the same incident; null when there is none."""


class StoredCount(TypedDict):
    status: str
    """open | real | noise | expected"""
    stored: int
    """Anomalies of this status that were told at their time."""
    kept: int
    """Of these, how many the backtest tells as well."""


class BacktestReport(TypedDict):
    span_days: float
    total: int
    per_day: float
    """Of all sources together."""
    days: list[DayCount]
    """Every day of the span."""
    sources: list[SourceCount]
    """The noisiest first."""
    kinds: list[KindCount]
    scores: dict[str, float]
    """Quantiles: p50, p90, p99; empty without anomalies."""
    examples: list[BacktestExample]
    """The loudest, at most 50."""
    stored: list[StoredCount]
    new: int
    """Anomalies of incidents that no stored anomaly is about."""


class Backtest(TypedDict):
    id: str
    state: str
    """running | done | cancelled | failed"""
    progress: float
    """0..1"""
    lines: int
    """Looked at so far."""
    error: str | None
    start: str
    end: str
    lead_s: float
    """Seconds before `start` that only taught."""
    started: str
    took_s: float
    detectors: list[DetectorRow]
    """How far each got with its warm-up."""
    report: BacktestReport | None
    """None until it is done."""


class Backtests(TypedDict):
    backtests: list[Backtest]
    """The newest first."""
