"""Log lines on the screen: the list, and one line in detail."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, tzinfo

from ui.dashboard import severity
from ui.dashboard.formats import clock, count, date_clock
from ui.dashboard.markup import Html, join, tag
from ui.shapes import Line

SHOWN = 1_200  # characters of a line in a list; the detail shows DETAIL of them
DETAIL = 50_000


def tinted(line: str, spans: Iterable[Sequence[int]], limit: int = SHOWN) -> Html:
    """The line with what its template leaves open tinted. Spans that overlap or lie outside are ignored.

    >>> tinted("took 12 ms", [[5, 7]])
    'took <var>12</var> ms'
    """
    shown, at = line[:limit], 0
    pieces: list[Html | str] = []
    for start, end in sorted((span[0], span[1]) for span in spans):
        if start < at or end > len(shown) or start >= end:
            continue
        pieces += [shown[at:start], tag("var", shown[start:end])]
        at = end
    more = len(line) - len(shown)
    return join(
        *pieces, shown[at:], tag("em", f" … {count(more)} more characters") if more > 0 else None
    )


def rows(
    lines: Sequence[Line],
    *,
    zone: tzinfo = UTC,
    selected: int | None = None,
    chips: bool = True,
    dates: bool = False,
    wrap: bool = False,
    extracted: bool = False,
) -> Html:
    """A list of lines, in the order given; a click picks `line:ID`, on the chip `template:ID`."""
    return tag(
        "div",
        [_row(line, zone, selected, chips, dates, wrap, extracted) for line in lines],
        cls="dw-lines" + (" is-wrapped" if wrap else ""),
        role="list",
    )


def _row(
    line: Line,
    zone: tzinfo,
    selected: int | None,
    chips: bool,
    dates: bool,
    wrap: bool,
    extracted: bool,
) -> Html:
    at_s = int(line["ts"]) / 1e9
    chosen = line["line_id"] == selected
    return tag(
        "div",
        tag("i", cls="bar"),
        tag("time", date_clock(at_s, zone) if dates else clock(at_s, zone, millis=True)),
        tag("b", severity.name(line["severity"])[:5] if line["severity"] else "·"),
        tag("span", line["service"] or "–", cls="who", title=line["service"]),
        tag("code", tinted(line["line"], line["spans"]) if wrap else first(line)),
        chip(line["template_id"]) if chips else None,
        _extracted(line) if extracted else None,
        cls=f"dw-line {severity.css(line['severity'])}" + (" is-on" if chosen else ""),
        data_pick=f"line:{line['line_id']}",
        tabindex=0,
        role="listitem",
    )


def _extracted(line: Line) -> Html | None:
    """The labels that the query's parsers made, in a row of their own."""
    pairs = sorted(line.get("parsed", {}).items())
    if not pairs:
        return None
    pieces = [tag("span", tag("i", f"{k}="), tag("b", v or '""')) for k, v in pairs]
    return tag("span", pieces, cls="dw-labels")


def first(line: Line) -> Html:
    """The first line of a record that has several, as a stack trace has, and how many more there are."""
    opening, _, rest = line["line"].partition("\n")
    more = rest.count("\n") + 1 if rest else 0
    said = tag("em", f" ⏎ {count(more)} more {'line' if more == 1 else 'lines'}") if more else None
    return join(tinted(opening, line["spans"]), said)


def chip(template_id: str) -> Html | None:
    """A template's short name; lines that have no template have no chip."""
    if template_id in ("", "0"):
        return None
    return tag(
        "button",
        short(template_id),
        cls="dw-chip",
        data_pick=f"template:{template_id}",
        data_tip=f"pattern {template_id}",
    )


def short(template_id: str) -> str:
    """An id as the eye compares it: four characters of its hexadecimal form, a sign for the rest.

    >>> short("8371923847192384719")
    '#14cf'
    """
    return (
        f"#{int(template_id) & 0xFFFF:04x}"
        if template_id.lstrip("-").isdigit()
        else f"#{template_id[:4]}"
    )


def fields(pairs: Mapping[str, object] | Iterable[tuple[str, object]], *, pick: str = "") -> Html:
    """Names and values; a click on one picks `PICK:NAME=VALUE` where they can be asked for."""
    listed = pairs.items() if isinstance(pairs, Mapping) else pairs
    return tag(
        "dl",
        [
            tag(
                "div",
                tag("dt", name),
                tag("dd", value if isinstance(value, Html) else str(value)),
                data_pick=f"{pick}:{name}={value}" if pick else None,
                data_tip="only lines with this" if pick else None,
            )
            for name, value in listed
        ],
        cls="dw-fields",
    )


def detail(line: Line, *, stored: Line | None = None, zone: tzinfo = UTC) -> Html:
    """Everything known about one line but its context. `stored` is the same line before the query changed it."""
    parsed = line.get("parsed", {})
    at_s = int(line["ts"]) / 1e9
    return tag(
        "article",
        tag(
            "header",
            tag(
                "b", severity.name(line["severity"]), cls=f"dw-sev {severity.css(line['severity'])}"
            ),
            tag("strong", line["service"] or "no service"),
            tag("time", date_clock(at_s, zone), f".{int(line['ts']) % 1_000_000_000:09d}"),
            tag(
                "span",
                tag("button", "copy line", data_copy=line["line"][:DETAIL], cls="dw-act"),
                tag("button", "copy JSON", data_copy=as_json(line), cls="dw-act"),
                tag("button", "copy link", data_copy="@url", cls="dw-act"),
                tag(
                    "button",
                    "close",
                    data_pick="close:",
                    cls="dw-act",
                    aria_label="close the detail",
                ),
                cls="dw-acts",
            ),
        ),
        tag("pre", tinted(line["line"], line["spans"], DETAIL), cls="dw-raw"),
        [tag("h4", "As it is stored"), tag("pre", stored["line"][:DETAIL], cls="dw-raw")]
        if stored and stored["line"] != line["line"]
        else None,
        [tag("h4", "Extracted by the query"), fields(sorted(parsed.items()), pick="filter")]
        if parsed
        else None,
        tag("h4", "Labels"),
        fields(sorted(line["labels"].items()), pick="where"),
        [tag("h4", "Metadata"), fields(sorted(line["metadata"].items()), pick="filter")]
        if line["metadata"]
        else None,
        tag("h4", "Where it came from"),
        fields([("position", provenance(line)), ("line id", line["line_id"])]),
        _pattern(line),
        cls="dw-detail",
    )


def provenance(line: Line) -> str:
    """topic/partition@offset, and which record of that message.

    >>> provenance({"topic": "logs/u", "part": 2, "off": 7, "idx": 0})  # type: ignore[typeddict-item]
    'logs/u/2@7'
    """
    tail = f"#{line['idx']}" if line["idx"] else ""
    return f"{line['topic']}/{line['part']}@{line['off']}{tail}"


def as_json(line: Line) -> str:
    """The line as it can be pasted elsewhere: without what only the screen needs."""
    kept = {key: value for key, value in line.items() if key != "spans"}
    return json.dumps(kept, ensure_ascii=False, indent=2)


def _pattern(line: Line) -> Html | None:
    if not chip(line["template_id"]):
        return None
    return tag(
        "p",
        tag(
            "button",
            f"Pattern {short(line['template_id'])} →",
            cls="dw-act is-wide",
            data_pick=f"template:{line['template_id']}",
        ),
        tag(
            "button",
            "Only lines like this",
            cls="dw-act is-wide",
            data_pick=f"like:{line['template_id']}",
        ),
        cls="dw-acts",
    )
