"""The tables, as a list of migrations: a store is at version `len(MIGRATIONS)` when all have run.

    streams           label sets                        logs_hot          lines not yet sealed
    segments          sealed Parquet files              template_counts   lines per minute, stream, template
    templates         every version of every template   anomalies, feedback
    dead_letters      what could not be decoded         checkpoints       where each source goes on
    state             snapshots of parser, detection    results           rows of benchmarks
    metadata_names    of structured metadata            logs (view)       logs_hot and all segments together
    merged            templates that others took over   rules             of users, about templates
    meta              version, next ids

The view `logs` is made anew, in the same transaction, whenever the set of segments changes.
"""

from __future__ import annotations

# Times are BIGINT nanoseconds since the epoch, UTC. No primary keys on what is appended at speed: one writer thread
# and the checkpoints in the same transaction keep it unique, an index would only slow it down.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL)",
        # sid: labels.stream_id(canonical JSON); source: the labels without `level`, canonical JSON
        """CREATE TABLE streams (sid BIGINT PRIMARY KEY, labels MAP(VARCHAR, VARCHAR) NOT NULL,
           key VARCHAR NOT NULL, source VARCHAR NOT NULL, service VARCHAR NOT NULL, created BIGINT NOT NULL)""",
        """CREATE TABLE logs_hot (ts BIGINT NOT NULL, observed_ts BIGINT NOT NULL, sid BIGINT NOT NULL,
           line VARCHAR NOT NULL, sm MAP(VARCHAR, VARCHAR), severity UTINYINT NOT NULL, service VARCHAR NOT NULL,
           template_id BIGINT NOT NULL, template_version INTEGER NOT NULL, line_id BIGINT NOT NULL,
           topic VARCHAR NOT NULL, part INTEGER NOT NULL, off BIGINT NOT NULL, idx INTEGER NOT NULL)""",
        # One event-time hour each. `hour` is its END: ts in (hour - 3600 s, hour], so that hours are made of whole
        # roll-up minutes. `path` is relative to the data folder. Bounds serve pruning and retention.
        """CREATE TABLE segments (path VARCHAR PRIMARY KEY, hour BIGINT NOT NULL, row_count BIGINT NOT NULL,
           min_ts BIGINT NOT NULL, max_ts BIGINT NOT NULL, min_line_id BIGINT NOT NULL, max_line_id BIGINT NOT NULL,
           max_observed_ts BIGINT NOT NULL, file_bytes BIGINT NOT NULL, text_bytes BIGINT NOT NULL,
           checksum VARCHAR NOT NULL, sealed_at BIGINT NOT NULL)""",
        """CREATE TABLE templates (id BIGINT NOT NULL, version INTEGER NOT NULL, text VARCHAR NOT NULL,
           exact BOOLEAN NOT NULL, parents BIGINT[] NOT NULL, created BIGINT NOT NULL, PRIMARY KEY (id, version))""",
        # `minute` is the END of a minute: it counts ts in (minute - 60 s, minute], as LogQL's ranges are. Appended per
        # commit (several rows may share a key: always sum); merged when a segment is sealed.
        """CREATE TABLE template_counts (minute BIGINT NOT NULL, sid BIGINT NOT NULL, template_id BIGINT NOT NULL,
           template_version INTEGER NOT NULL, severity UTINYINT NOT NULL, n BIGINT NOT NULL, bytes BIGINT NOT NULL)""",
        """CREATE TABLE anomalies (id VARCHAR PRIMARY KEY, detector VARCHAR NOT NULL, kind VARCHAR NOT NULL,
           source VARCHAR NOT NULL, service VARCHAR NOT NULL, start_ts BIGINT NOT NULL, end_ts BIGINT NOT NULL,
           score DOUBLE NOT NULL, p_value DOUBLE NOT NULL, title VARCHAR NOT NULL,
           contributions STRUCT(template_id BIGINT, template VARCHAR, seen DOUBLE, expected DOUBLE, weight DOUBLE)[]
           NOT NULL, line_ids BIGINT[] NOT NULL, created BIGINT NOT NULL)""",
        # The newest row of an anomaly decides its status; older ones are its history.
        """CREATE TABLE feedback (anomaly_id VARCHAR NOT NULL, verdict VARCHAR NOT NULL, note VARCHAR NOT NULL,
           scope VARCHAR NOT NULL, created BIGINT NOT NULL)""",
        """CREATE TABLE dead_letters (id BIGINT PRIMARY KEY, observed_ts BIGINT NOT NULL, source VARCHAR NOT NULL,
           topic VARCHAR NOT NULL, part INTEGER NOT NULL, off BIGINT NOT NULL, idx INTEGER NOT NULL,
           stage VARCHAR NOT NULL, reason VARCHAR NOT NULL, raw BLOB NOT NULL, headers MAP(VARCHAR, BLOB) NOT NULL,
           key BLOB, record_ts BIGINT, replayed_at BIGINT)""",
        """CREATE TABLE checkpoints (source VARCHAR NOT NULL, key VARCHAR NOT NULL, position VARCHAR NOT NULL,
           PRIMARY KEY (source, key))""",
        "CREATE TABLE state (owner VARCHAR PRIMARY KEY, snapshot BLOB NOT NULL)",
        """CREATE TABLE results (bench VARCHAR NOT NULL, data VARCHAR NOT NULL, protocol VARCHAR NOT NULL,
           subject VARCHAR NOT NULL, metric VARCHAR NOT NULL, value DOUBLE, low DOUBLE, high DOUBLE, n BIGINT,
           seeds BIGINT, seconds DOUBLE, peak_mb DOUBLE, "commit" VARCHAR, device VARCHAR, "at" VARCHAR,
           config VARCHAR, data_sha VARCHAR, note VARCHAR)""",
    ),
    (
        # Every name that structured metadata has had, see `store.metadata`.
        "CREATE TABLE metadata_names (name VARCHAR PRIMARY KEY)",
    ),
    (
        # What a segment has beside the columns of `logs`: `store.segments.PLACE`, `store.extract`.
        "ALTER TABLE segments ADD COLUMN columns VARCHAR[]",
    ),
    (
        # Which texts its lines may have, see `store.grams`; NULL: not known.
        "ALTER TABLE segments ADD COLUMN grams BLOB",
    ),
    (
        # Templates that another one took over, see `store.lineage`. No older parser ever merged two.
        "CREATE TABLE merged (id BIGINT NOT NULL, successor BIGINT NOT NULL)",
        # What users decided about templates, see `store.read_rules`.
        """CREATE TABLE rules (id VARCHAR NOT NULL, kind VARCHAR NOT NULL, pattern VARCHAR NOT NULL,
           name VARCHAR NOT NULL, templates BIGINT[] NOT NULL, created BIGINT NOT NULL)""",
    ),
)

LOGS = (
    "ts",
    "observed_ts",
    "sid",
    "line",
    "sm",
    "severity",
    "service",
    "template_id",
    "template_version",
    "line_id",
    "topic",
    "part",
    "off",
    "idx",
)
"""The columns of `logs_hot`, of every segment and of the view `logs`."""

COLUMNS = ", ".join(LOGS)

PLACE = "place"
"""A column of segments: rows are ordered by it, so that streams which are asked for together lie together."""

MINUTE = 60 * 10**9
HOUR = 60 * MINUTE


LAST_HOUR = (2**63 - 1) // HOUR * HOUR
"""The last full hour that 64 bits of ns can name (in 2262); what comes after counts as part of it."""


def end_of(width: int, ts: str = "ts") -> str:
    """SQL for the end m of the window (m - width, m] that `ts` lies in; both in ns, also before 1970."""
    ts = f"least({ts}, {LAST_HOUR})"
    return f"({ts} - {ts} % {width} + CASE WHEN {ts} % {width} > 0 THEN {width} ELSE 0 END)"
