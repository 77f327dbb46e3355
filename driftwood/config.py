"""Settings: one tree of frozen dataclasses, read from a TOML file, then from the environment.

`DRIFTWOOD__SECTION__KEY` overrides `[section] key`. An unknown key is an error that names the nearest known one, so
that a typo never becomes a default. Nothing else in Driftwood reads the environment for settings.
"""

from __future__ import annotations

import dataclasses
import math
import os
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from driftwood.errors import ConfigError

PREFIX = "DRIFTWOOD__"


def _s(default: Any, doc: str, **more: Any) -> Any:
    """A setting: its default and the sentence (with unit) that stands above it in `driftwood.example.toml`.

    `least`: the smallest number that makes sense; `above`: one that it must exceed. Negative ones never do.
    """
    if isinstance(default, (list, dict)):
        raise TypeError("defaults are immutable: use a tuple")
    return field(default=default, metadata={"doc": doc, **more})


@dataclass(frozen=True, slots=True)
class Server:
    listen: str = _s(
        "127.0.0.1:3100", "HOST:PORT of the HTTP API; 3100 is where agents expect Loki."
    )
    hosts: tuple[str, ...] = _s(
        (),
        "Names with a dot that the API answers to, as in logs.example.com; to addresses and localhost it always does.",
    )
    query_timeout_s: float = _s(30.0, "Seconds after which a query is cancelled.", above=0)
    max_lines: int = _s(5_000, "Lines that one request may return.", least=1)


@dataclass(frozen=True, slots=True)
class Query:
    max_chars: int = _s(131_072, "Characters of one query.", least=1)
    max_series: int = _s(5_000, "Series that a metric query may answer.", least=1)
    max_range_s: float = _s(
        0.0, "Seconds from start to end that one query may span; 0 is no limit."
    )
    max_window_s: float = _s(
        0.0, "Seconds that a range in brackets may have, as in rate({...}[5m]); 0 is no limit."
    )
    max_concurrent: int = _s(
        4,
        "Queries on Loki's paths that run at once; more than the processor's cores slow all.",
        least=1,
    )
    queue_s: float = _s(
        10.0, "Seconds that a further query waits for its turn before it is refused."
    )
    max_tails: int = _s(10, "Live tails that may be open at once.")
    align_steps: bool = _s(
        False,
        "Move start and end of a metric's range to multiples of its step, as Loki does where it splits queries.",
    )


@dataclass(frozen=True, slots=True)
class Store:
    memory_limit: str = _s("320MB", "Memory that DuckDB may use, as DuckDB writes sizes.")
    threads: int = _s(2, "Threads that DuckDB may use.", least=1)
    commit_rows: int = _s(
        5_000,
        "Rows that one transaction may hold; smaller ones commit as soon as the queue is empty.",
        least=1,
    )
    seal_rows: int = _s(
        2_000_000, "Rows of one hour after which its segment is sealed early.", least=1
    )
    seal_after_s: float = _s(
        600.0, "Seconds of event time after the end of an hour until its segment is sealed."
    )
    retention_s: float = _s(
        0.0,
        "Seconds that segments are kept after the arrival of their newest line; 0 keeps them for ever.",
    )
    retention_bytes: int = _s(
        0,
        "Bytes that sealed segments may take together, the oldest are dropped first; 0 is no limit.",
    )
    min_free_bytes: int = _s(
        256 * 1024 * 1024, "Bytes that must stay free on the disk; below that ingestion pauses."
    )


@dataclass(frozen=True, slots=True)
class Ingest:
    queue_rows: int = _s(
        50_000,
        "Records that may wait between the sources and the writer; above that sources pause.",
        least=1,
    )
    batch_rows: int = _s(10_000, "Records that one poll of a source may return.", least=1)
    batch_bytes: int = _s(
        16 * 1024 * 1024, "Bytes of text that one poll of a source may return.", least=1
    )
    max_line_bytes: int = _s(
        16 * 1024 * 1024,
        "Bytes of one line; the rest of a longer one becomes lines of its own.",
        least=1,
    )
    timezone: str = _s("UTC", "IANA name of the time zone of timestamps that carry none.")
    multiline: bool = _s(
        True,
        "Join stack traces and other continuation lines of files and stdin to the line they belong to.",
    )


@dataclass(frozen=True, slots=True)
class Push:
    max_body_bytes: int = _s(
        16 * 1024 * 1024,
        "Bytes of one push, as it comes and unpacked; a larger one is refused (413).",
        least=1,
    )
    max_waiting_bytes: int = _s(
        128 * 1024 * 1024,
        "Bytes of all pushes that are not answered yet, unpacked; what comes beyond is refused (429).",
        least=1,
    )
    wait_s: float = _s(
        8.0,
        "Seconds that a push waits for its place in the queue (429 then), and for its commit (503); agents wait 10.",
        above=0,
    )
    max_line_bytes: int = _s(256 * 1024, "Bytes of one pushed line.", least=1)
    max_label_names: int = _s(15, "Labels of one stream, service_name apart.", least=1)
    max_label_name_bytes: int = _s(1_024, "Bytes of a label's name.", least=1)
    max_label_value_bytes: int = _s(2_048, "Bytes of a label's value.", least=1)
    max_metadata: int = _s(128, "Pieces of structured metadata of one line.")
    max_metadata_bytes: int = _s(64 * 1024, "Bytes of structured metadata of one line.")


@dataclass(frozen=True, slots=True)
class Kafka:
    brokers: tuple[str, ...] = _s((), "HOST:PORT of one or more brokers; none: no Kafka.")
    topics: tuple[str, ...] = _s((), "Topics to read.")
    encoding: str = _s(
        "auto", "How values are encoded: auto, json, text, otlp_proto, otlp_json, gelf."
    )
    group: str = _s(
        "driftwood",
        "Consumer group whose committed offsets show lag in other tools; the store's offsets decide.",
    )
    read_committed: bool = _s(True, "Skip records of aborted transactions.")
    metadata_interval_s: float = _s(
        30.0, "Seconds between looks for new partitions and re-created topics.", above=0
    )
    security_protocol: str = _s("PLAINTEXT", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.")
    sasl_mechanism: str = _s("", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; empty for none.")
    sasl_username: str = _s("", "User for SASL.")
    sasl_password: str = _s("", "Password for SASL; better given in the environment.", secret=True)
    ssl_cafile: str = _s("", "Path of the CA certificates; empty: the system's.")


@dataclass(frozen=True, slots=True)
class Files:
    paths: tuple[str, ...] = _s(
        (), "Globs of files to read; ** crosses folders; .gz, .zst, .xz and .bz2 are unpacked."
    )
    follow: bool = _s(
        True, "Go on reading what is appended, through rotation; false: read once and end."
    )
    interval_s: float = _s(0.5, "Seconds between looks at followed files.", above=0)


@dataclass(frozen=True, slots=True)
class Demo:
    enabled: bool = _s(False, "Generate the logs of a small shop, with incidents.")
    seed: int = _s(7, "Seed of everything random in the demo.")
    history_h: float = _s(24.0, "Hours of history before the start.")
    rate: float = _s(4.0, "Mean lines per second of all services together, at noon.", above=0)
    first_incident_s: float = _s(5.0, "Seconds from the start of live lines to the first incident.")


@dataclass(frozen=True, slots=True)
class Parsing:
    parser: str = _s("driftwood", "Which template miner: a name from `parsing.PARSERS`.")
    max_templates: int = _s(
        20_000, "Templates kept in memory; the least recently seen leave first.", least=1
    )
    max_shapes: int = _s(200_000, "Line shapes whose template is remembered.", least=1)


@dataclass(frozen=True, slots=True)
class StreamRule:
    """How lines of some streams are judged, instead of as [detection] says; the first rule that matches counts."""

    match: str = _s("{}", """Selector of the streams, as in {service_name="hdfs"}.""")
    detectors: tuple[str, ...] = _s(
        (), "Which detectors, of windows or of sessions; none: those of the tier."
    )
    tier: int = _s(
        0,
        "0: look-ups and counts; 1: a language model of events as well, where lines form sessions.",
    )
    session: str = _s(
        "",
        "Regular expression (RE2) whose match in a line is its session's id: its first group, or all of it.",
    )
    session_key: str = _s(
        "", "Label or piece of structured metadata that holds the session's id, as in trace_id."
    )
    per: tuple[str, ...] = _s(
        (), "Labels that part the sessions: one model for each of their values; none: one for all."
    )
    gap_s: float = _s(
        600.0,
        "Seconds of silence after which a session is over; without an id a silence cuts the stream.",
        above=0,
    )
    lateness_s: float = _s(30.0, "Seconds that a session stays open for lines out of order.")
    window_s: float = _s(0.0, "Seconds of one window; 0: as [detection] has it.")
    warmup_sessions: int = _s(1_000, "Sessions that only teach.", least=20)
    refit_sessions: int = _s(
        5_000,
        "After so many more sessions a model of as many newest ones stands for election; 0: never.",
    )


@dataclass(frozen=True, slots=True)
class Detection:
    enabled: bool = _s(True, "Look for anomalies.")
    detectors: tuple[str, ...] = _s(
        ("new_template", "rate_change", "error_burst"),
        "Which detectors: names from `detectors.DETECTORS`.",
    )
    window_s: float = _s(60.0, "Seconds of one window.", above=0)
    lateness_s: float = _s(30.0, "Seconds that a window stays open for lines out of order.")
    warmup_s: float = _s(600.0, "Seconds of a source's event time that only teach.")
    alerts_per_day: float = _s(
        10.0, "Anomalies per source and day that normal windows may raise (the false-alarm budget)."
    )
    demo_alerts_per_day: float = _s(24.0, "The same budget for the demo's sources.")
    streams: tuple[StreamRule, ...] = _s(
        (),
        "Streams that are judged otherwise: one table [[detection.streams]] each, of these settings:",
    )


@dataclass(frozen=True, slots=True)
class Redaction:
    enabled: bool = _s(True, "Replace credentials before anything is stored.")
    entropy: bool = _s(False, "Also replace long random-looking words.")
    card_numbers: bool = _s(False, "Also replace digits that pass as payment card numbers (Luhn).")
    extra: tuple[str, ...] = _s((), "More regular expressions (RE2) whose matches are replaced.")


@dataclass(frozen=True, slots=True)
class Dashboard:
    listen: str = _s("127.0.0.1:8501", "HOST:PORT of the dashboard.")
    url: str = _s("http://127.0.0.1:3100", "Where the dashboard finds the server.")
    refresh_s: float = _s(2.0, "Seconds between refreshes of live parts.", above=0)


@dataclass(frozen=True, slots=True)
class Config:
    server: Server = Server()
    query: Query = Query()
    store: Store = Store()
    ingest: Ingest = Ingest()
    push: Push = Push()
    kafka: Kafka = Kafka()
    files: Files = Files()
    demo: Demo = Demo()
    parsing: Parsing = Parsing()
    detection: Detection = Detection()
    redaction: Redaction = Redaction()
    dashboard: Dashboard = Dashboard()


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """The defaults, then `path`, then the environment (`os.environ` if none is given).

    Raises ConfigError for a file that cannot be read, an unknown key or a value of the wrong type.
    """
    tree: dict[str, dict[str, Any]] = {}
    if path is not None:
        try:
            tree = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} is not valid TOML: {error}") from error
    where = str(path)
    sections = {s.name: _apply(s, tree.get(s.name, {}), where) for s in dataclasses.fields(Config)}
    _known(tree, list(sections), where, "section")
    for name, text in sorted((os.environ if environ is None else environ).items()):
        if name.startswith(PREFIX):
            section, _, key = name.removeprefix(PREFIX).lower().partition("__")
            _known([section], list(sections), name, "section")
            sections[section] = _replace(sections[section], {key: text}, name, from_text=True)
    return Config(**sections)


def override(config: Config, **sections: Mapping[str, Any]) -> Config:
    """`config` with some settings replaced (what the command line does), checked like a file's.

    >>> override(Config(), server={"listen": "0.0.0.0:80"}).server.listen
    '0.0.0.0:80'
    """
    changed = {
        name: _replace(getattr(config, name), keys, "flag") for name, keys in sections.items()
    }
    return dataclasses.replace(config, **changed)


def example() -> str:
    """The text of `driftwood.example.toml`: every setting with its unit and default, commented out."""
    parts = [
        "# Every setting of Driftwood with its default. Copy what you change into a file of your own and start with",
        "# `driftwood serve --config FILE`; DRIFTWOOD__SECTION__KEY in the environment overrides the file.",
        "# Generated by `driftwood config example`.",
    ]
    for section in dataclasses.fields(Config):
        parts.append(f"\n[{section.name}]")
        values = getattr(Config(), section.name)
        for setting in dataclasses.fields(values):
            parts.append(f"# {setting.metadata['doc']}")
            value = getattr(values, setting.name)
            if (table := _table(typing.get_type_hints(type(values))[setting.name])) is not None:
                parts += [
                    f"#   {s.name} = {_toml(s.default)}  {s.metadata['doc']}"
                    for s in dataclasses.fields(table)
                ]
            parts.append(f"#{setting.name} = {_toml(value)}")
    return "\n".join(parts) + "\n"


def effective(config: Config) -> dict[str, dict[str, Any]]:
    """The settings in force, for people: secrets are shown as `***`."""
    return {
        section.name: {
            s.name: "***"
            if s.metadata.get("secret") and getattr(values, s.name)
            else _shown(getattr(values, s.name))
            for s in dataclasses.fields(values)
        }
        for section in dataclasses.fields(config)
        for values in [getattr(config, section.name)]
    }


def _shown(value: Any) -> Any:
    if isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
        return [dataclasses.asdict(table) for table in value]
    return value


def _table(wanted: Any) -> Any | None:
    """The dataclass of a setting that is an array of tables."""
    kind = typing.get_args(wanted)[0] if isinstance(wanted, types.GenericAlias) else None
    return kind if dataclasses.is_dataclass(kind) else None


def _apply(section: dataclasses.Field[Any], keys: Any, where: str) -> Any:
    if not isinstance(keys, dict):
        raise ConfigError(f"{where}: [{section.name}] is a section of settings, not a value")
    return _replace(section.default, keys, f"{where}: [{section.name}]")


def _replace(section: Any, keys: Mapping[str, Any], where: str, from_text: bool = False) -> Any:
    hints = typing.get_type_hints(type(section))
    _known(keys, list(hints), where, "setting")
    values = {k: _convert(v, hints[k], f"{where} {k}", from_text) for k, v in keys.items()}
    for setting in dataclasses.fields(section):
        if setting.name in values:
            _in_range(values[setting.name], setting.metadata, f"{where} {setting.name}")
    return dataclasses.replace(section, **values)


def _in_range(value: Any, metadata: Mapping[str, Any], where: str) -> None:
    if not isinstance(value, (int, float)):
        return
    if "above" in metadata and not metadata["above"] < value < math.inf:
        raise ConfigError(f"{where}: a number above {metadata['above']} is needed, and not {value}")
    if not metadata.get("least", 0) <= value < math.inf:
        raise ConfigError(f"{where}: {metadata.get('least', 0)} or more is needed, and not {value}")


def _known(keys: Any, known: list[str], where: str, what: str) -> None:
    for key in keys:
        if key not in known:
            near = get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
            raise ConfigError(f"{where}: unknown {what} {key!r}{hint}")


def _convert(value: Any, wanted: Any, where: str, from_text: bool) -> Any:
    if (table := _table(wanted)) is not None:
        if not isinstance(value, (list, tuple)):
            name = where.rsplit(" ", 1)[-1]
            raise ConfigError(
                f"{where}: these are tables [[detection.{name}]] in a file, and nothing else"
            )
        return tuple(_tables(value, table, where))
    try:
        if isinstance(wanted, types.GenericAlias):  # tuple[str, ...]
            items = (
                [part.strip() for part in value.split(",") if part.strip()]
                if isinstance(value, str)
                else value
            )
            if not isinstance(items, (list, tuple)) or not all(isinstance(i, str) for i in items):
                raise TypeError
            return tuple(items)
        if wanted is bool:
            words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
            return words[value.lower()] if from_text else _of(value, bool)
        if wanted is int:
            return int(value) if from_text else _of(value, int)
        if wanted is float:
            return float(value) if from_text else float(_of(value, (int, float)))
        return _of(value, str)
    except (TypeError, ValueError, KeyError) as error:
        kind = "a list of texts" if isinstance(wanted, types.GenericAlias) else wanted.__name__
        raise ConfigError(f"{where}: {value!r} is not {kind}") from error


def _tables(value: Any, table: Any, where: str) -> Iterator[Any]:
    for number, keys in enumerate(value, 1):
        if isinstance(keys, table):
            yield keys
        elif isinstance(keys, dict):
            yield _replace(table(), keys, f"{where} {number}")
        else:
            raise ConfigError(f"{where} {number}: {keys!r} is not a table of settings")


def _of(value: Any, kind: Any) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError
    return value


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{value:_}" if isinstance(value, int) else repr(value)
