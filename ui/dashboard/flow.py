"""The way of a line as a picture with live numbers, and what each station says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ui.dashboard import charts
from ui.dashboard.formats import ago, count, percent, seconds, size, span
from ui.dashboard.markup import Child, Html, tag
from ui.shapes import DeadLetter, DetectorRow, SourceRow, Stats

GOOD = (
    "running",
    "ready",
    "following",
    "done",
    "ok",
    "connected",
    "idle",
    "reading",
    "live",
    "finished",
    "caught up",
)
BAD = ("failed", "error", "away", "unreachable", "retrying", "stopped", "disconnected", "lost")
LATE_S = 30.0


def tone(state: str) -> str:
    """The colour of a state's name; one nobody knows is neither good nor bad.

    >>> tone("Running"), tone("away: retrying"), tone("warming")
    ('good', 'bad', 'warn')
    """
    lowered = state.lower()
    if any(word in lowered for word in BAD):
        return "bad"
    return "good" if any(word in lowered for word in GOOD) else "warn"


def lag(stats: Stats) -> tuple[float | None, int | None]:
    """How far the slowest source is behind, in seconds and in lines; None where no source knows."""
    late = [row["lag_seconds"] for row in stats["sources"] if row["lag_seconds"] is not None]
    waiting = [row["lag"] for row in stats["sources"] if row["lag"] is not None]
    return max(late, default=None), sum(waiting) if waiting else None


def picture(stats: Stats) -> Html:
    """Sources -> queue -> patterns -> store -> detectors -> anomalies, and the branch of dead letters."""
    queue, commit = stats["queue"], stats["commit_ms"]
    fill = queue["rows"] / max(queue["capacity"], 1)
    behind, _ = lag(stats)
    sources = stats["sources"]
    ready = sum(each["state"] == "ready" for each in stats["detectors"])
    worst = min(
        (tone(each["state"]) for each in sources), key=("bad", "warn", "good").index, default="warn"
    )
    stations = [
        _station(
            "Sources", str(len(sources)), "" if behind is None else f"{span(behind)} behind", worst
        ),
        _station(
            "Queue",
            percent(fill),
            "paused"
            if queue["paused"]
            else f"{count(queue['rows'])} of {count(queue['capacity'])}",
            "bad" if queue["paused"] else "warn" if fill > 0.8 else "good",
        ),
        _station("Patterns", count(stats["templates"]), "known", "good"),
        _station(
            "Store",
            f"{commit['p50']:.0f} ms",
            f"commit · p99 {commit['p99']:.0f} ms",
            "warn" if commit["p99"] > 500 else "good",
        ),
        _station(
            "Detectors",
            f"{ready}/{len(stats['detectors'])}",
            "ready",
            "good" if ready == len(stats["detectors"]) else "warn",
        ),
        _station(
            "Anomalies",
            count(stats["anomalies_open"]),
            "open",
            "warn" if stats["anomalies_open"] else "good",
            "go:anomalies",
        ),
    ]
    dead = stats["dead_letters"]
    return tag(
        "div",
        tag("div", _joined(stations, f"{count(stats['lines_per_s'])}/s"), cls="dw-flow"),
        tag(
            "div",
            tag("span", "↳ could not be read"),
            tag("b", count(dead), cls="bad" if dead else "good"),
            tag("span", "dead letters, kept with their bytes" if dead else "dead letters"),
            cls="dw-branch",
        ),
    )


def _joined(stations: Sequence[Html], rate: str) -> list[Child]:
    joined: list[Child] = [stations[0]]
    for at, station in enumerate(stations[1:]):
        joined += [tag("span", tag("em", rate) if at == 0 else None, cls="dw-pipe"), station]
    return joined


def _station(name: str, value: str, note: str, state: str, pick: str | None = None) -> Html:
    return tag(
        "div",
        tag("h3", tag("i", cls=f"dot {state}"), name),
        tag("b", value),
        tag("small", note or "\u00a0"),
        cls="dw-station",
        data_pick=pick,
        tabindex=0 if pick else None,
    )


def sources(rows: Sequence[SourceRow]) -> Html:
    """Each source with how far it is behind, each of its positions below it."""
    if not rows:
        return tag(
            "p", "No source is configured: lines come in when something sends them.", cls="dw-hint"
        )
    return tag(
        "table",
        tag(
            "thead",
            tag(
                "tr",
                tag("th", "Source"),
                tag("th", "State"),
                tag("th", "Behind", cls="n"),
                tag("th", "Time", cls="n"),
            ),
        ),
        tag(
            "tbody",
            [[_source(row), [_position(each) for each in row["positions"][:40]]] for row in rows],
        ),
        cls="dw-table",
    )


def _source(row: SourceRow) -> Html:
    return tag(
        "tr",
        tag("td", tag("b", row["name"]), " ", tag("span", row["kind"], cls="dw-soft")),
        tag(
            "td",
            tag("i", cls=f"dot {tone(row['state'])}"),
            row["state"],
            tag("small", row["detail"]) if row["detail"] else None,
        ),
        tag("td", "–" if row["lag"] is None else f"{count(row['lag'])} lines", cls="n"),
        tag(
            "td",
            "–" if row["lag_seconds"] is None else span(row["lag_seconds"]),
            cls="n" + (" bad" if (row["lag_seconds"] or 0) > LATE_S else ""),
        ),
    )


def _position(position: Mapping[str, Any]) -> Html:
    """A partition or file, with whatever numbers its source gives."""
    named = {key: value for key, value in position.items() if value not in ("", None)}
    topic = named.pop("topic", named.pop("path", named.pop("file", "")))
    part = named.pop("part", named.pop("partition", ""))
    behind = named.pop("lag", None)
    late = named.pop("lag_seconds", None)
    where = f"{topic}/{part}" if topic != "" and part != "" else str(topic or part or "position")
    rest = " · ".join(
        f"{key} {value:,}" if isinstance(value, int) else f"{key} {value}"
        for key, value in named.items()
    )
    return tag(
        "tr",
        tag("td", tag("code", where), cls="sub"),
        tag("td", tag("small", rest)),
        tag("td", "–" if behind is None else count(behind), cls="n"),
        tag("td", "–" if late is None else span(late), cls="n"),
        cls="is-sub",
    )


def detectors(rows: Sequence[DetectorRow]) -> Html:
    """Each detector: ready, or how far its warm-up is and what it still lacks."""
    if not rows:
        return tag("p", "No detector runs.", cls="dw-hint")
    return tag(
        "div",
        [
            tag(
                "div",
                tag(
                    "p",
                    tag("i", cls=f"dot {tone(row['state'])}"),
                    tag("b", row["name"].replace("_", " ")),
                    tag("span", row["state"], cls="dw-soft"),
                ),
                charts.meter(row["progress"]) if row["progress"] < 1 else None,
                tag("small", row["detail"] or "\u00a0"),
                cls="dw-detector",
            )
            for row in rows
        ],
        cls="dw-detectors",
    )


def storage(stats: Stats) -> Html:
    """What the store holds and what it costs."""
    store, rows = stats["store"], stats["rows"]
    used = store["bytes"] or 1
    ratio = (
        store["text_bytes"] / store["segment_bytes"]
        if store["segment_bytes"] and store["text_bytes"]
        else 0.0
    )
    return tag(
        "div",
        tag(
            "div",
            tag("i", cls="hot", style=f"flex:{store['file_bytes'] / used:.4f}"),
            tag("i", cls="sealed", style=f"flex:{store['segment_bytes'] / used:.4f}"),
            cls="dw-share",
        ),
        tag(
            "dl",
            [
                tag("div", tag("dt", name), tag("dd", value))
                for name, value in (
                    ("on disk", size(store["bytes"])),
                    ("hot, in DuckDB", f"{count(rows['hot'])} lines · {size(store['file_bytes'])}"),
                    (
                        "sealed, in Parquet",
                        f"{count(rows['sealed'])} lines · {size(store['segment_bytes'])} "
                        f"· {store['segments']} segments",
                    ),
                    (
                        "smaller than the text",
                        f"{ratio:.1f} times" if ratio else "nothing is sealed yet",
                    ),
                    ("free on the disk", size(store["free_bytes"])),
                    ("where", store["path"]),
                )
            ],
            cls="dw-fields",
        ),
    )


def process(stats: Stats) -> Html:
    """The server itself."""
    pairs = (
        ("version", stats["version"]),
        ("up for", span(stats["uptime_s"])),
        ("memory", size(stats["memory_mb"] * 1e6)),
        ("processor time", span(stats["cpu_s"])),
        ("lines stored", f"{stats['lines_total']:,}"),
        ("oldest line", stats["oldest"] or "–"),
        ("newest line", stats["newest"] or "–"),
    )
    return tag(
        "dl",
        [tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs],
        cls="dw-fields",
    )


def letters(found: Sequence[DeadLetter], *, selected: int | None, now_s: float) -> Html:
    """Dead letters; a click picks `letter:ID`."""
    return tag(
        "table",
        tag(
            "thead",
            tag(
                "tr",
                tag("th", "When"),
                tag("th", "From", cls="mid"),
                tag("th", "Stage", cls="wide"),
                tag("th", "Why"),
                tag("th", "Bytes"),
                tag("th", ""),
            ),
        ),
        tag(
            "tbody",
            [
                tag(
                    "tr",
                    tag("td", ago(seconds(each["time"]), now_s), title=each["time"]),
                    tag(
                        "td",
                        tag("code", f"{each['topic']}/{each['part']}@{each['off']}"),
                        cls="mid",
                    ),
                    tag("td", each["stage"], cls="wide"),
                    tag("td", each["reason"]),
                    tag("td", tag("code", each["raw"][:120]), cls="what"),
                    tag(
                        "td",
                        tag("em", "replayed", cls="dw-status is-real")
                        if each["replayed_at"]
                        else None,
                    ),
                    data_pick=f"letter:{each['id']}",
                    tabindex=0,
                    cls="is-on" if each["id"] == selected else None,
                )
                for each in found
            ],
        ),
        cls="dw-table",
    )


def letter(each: DeadLetter) -> Html:
    """One dead letter with its bytes."""
    return tag(
        "article",
        tag(
            "header",
            tag("strong", each["reason"]),
            tag(
                "span",
                tag("button", "copy bytes (base64)", cls="dw-act", data_copy=each["raw_base64"]),
                tag("button", "close", cls="dw-act", data_pick="close:"),
                cls="dw-acts",
            ),
        ),
        tag("pre", each["raw"][:20_000], cls="dw-raw"),
        tag(
            "dl",
            [
                tag("div", tag("dt", name), tag("dd", value))
                for name, value in (
                    ("id", each["id"]),
                    ("time", each["time"]),
                    ("stage", each["stage"]),
                    ("position", f"{each['topic']}/{each['part']}@{each['off']}#{each['idx']}"),
                    ("replayed", each["replayed_at"] or "never"),
                    *each["headers"],
                )
            ],
            cls="dw-fields",
        ),
        cls="dw-detail",
    )


def settings(config: Mapping[str, Mapping[str, Any]], search: str) -> Html:
    """The settings in force, section by section; `search` keeps what holds it."""
    shown = [
        (
            section,
            [
                (key, value)
                for key, value in values.items()
                if search.lower() in f"{section}.{key}".lower()
            ],
        )
        for section, values in config.items()
    ]
    return tag(
        "div",
        [
            tag(
                "section",
                tag("h4", f"[{section}]"),
                tag(
                    "dl",
                    [tag("div", tag("dt", key), tag("dd", _value(value))) for key, value in pairs],
                    cls="dw-fields",
                ),
            )
            for section, pairs in shown
            if pairs
        ],
        cls="dw-settings",
    )


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "–"
    return "–" if value in ("", None) else str(value)
