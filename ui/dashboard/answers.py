"""What a metric query answers, beside its chart: the table of its series, the values of one instant, one number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ui.dashboard.markup import Html, tag
from ui.series import Series, number

LISTED = 100


def labels(of: Mapping[str, str], *, alone: bool = False) -> Html:
    """The labels of a series, each as one piece; `alone`: it is the only one.

    >>> labels({}), labels({}, alone=True)
    ('<span class="dw-labels"><em>{}</em></span>', '<span class="dw-labels"><em>all together</em></span>')
    """
    if not of:
        return tag("span", tag("em", "all together" if alone else "{}"), cls="dw-labels")
    pieces = [tag("span", tag("i", f"{k}="), tag("b", v or '""')) for k, v in sorted(of.items())]
    return tag("span", pieces, cls="dw-labels")


def table(series: Sequence[Series], looks: Mapping[int, str], alone: str = "") -> Html:
    """A row for each series; `looks` colours those that are drawn, by their places. A click picks `series:ID`."""
    rows = [
        tag(
            "tr",
            tag("td", tag("i", cls=f"dw-swatch {looks[i]}") if i in looks else None),
            tag("td", labels(each.labels, alone=len(series) == 1), cls="what"),
            [tag("td", number(value), cls="n") for value in each.summary.values()],
            cls="is-on" if each.id == alone else None,
            data_pick=f"series:{each.id}",
            tabindex=0,
        )
        for i, each in enumerate(series[:LISTED])
    ]
    head = tag(
        "tr",
        tag("th", ""),
        tag("th", "series"),
        [tag("th", name, cls="n") for name in ("last", "min", "max", "avg")],
    )
    return tag("table", tag("thead", head), tag("tbody", rows), cls="dw-table dw-series")


def instant(samples: Sequence[Series]) -> Html:
    """A row for each sample with a bar, in the order of the answer, which `sort` and `topk` chose."""
    values = [each.points[0][1] for each in samples]
    top = max((each.peak for each in samples), default=0) or 1.0
    rows = [
        tag(
            "tr",
            tag("td", labels(each.labels), cls="what"),
            tag(
                "td",
                tag("span", tag("i", style=f"width:{_width(value, top):.2f}%"), cls="dw-bar"),
                cls="bar",
            ),
            tag("td", number(value), cls="n"),
        )
        for each, value in zip(samples[:LISTED], values, strict=False)
    ]
    head = tag("tr", tag("th", "series"), tag("th", ""), tag("th", "value", cls="n"))
    return tag("table", tag("thead", head), tag("tbody", rows), cls="dw-table dw-series")


def scalar(value: float) -> Html:
    """One number."""
    return tag("p", tag("b", number(value)), cls="dw-scalar")


def _width(value: float, top: float) -> float:
    return min(abs(value) / top * 100, 100) if value == value else 0
