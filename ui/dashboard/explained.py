"""How a query is answered: the plan in sentences, and the SQL for whoever wants it."""

from __future__ import annotations

from ui.dashboard import explore_numbers, frame
from ui.dashboard.markup import Html, tag
from ui.dashboard.timerange import stamp
from ui.dashboard.view import view
from ui.shapes import Explained


def explained(told: Explained) -> Html:
    steps = [tag("li", step) for step in told["plan"]]
    sql = tag(
        "details",
        tag("summary", "What the database is asked"),
        tag("pre", told["sql"], cls="dw-plan"),
        tag("p", tag("button", "copy SQL", data_copy=told["sql"], cls="dw-act"), cls="dw-acts"),
    )
    return tag(
        "section",
        tag("h4", "How it is answered"),
        tag("ol", steps, cls="dw-steps"),
        sql if told["sql"] else None,
        cls="dw-panel",
    )


def show(text: str, *, numbers: bool) -> None:
    """Raises QueryError as the query itself would."""
    server = frame.server()
    shown, step = frame.current(frame.stats()).rounded(60), None
    if numbers:
        shown, apart = explore_numbers.span_and_step()
        step = str(apart)
    told = server.ask(
        server.client.explain, text, start=stamp(shown.start), end=stamp(shown.end), step=step
    ).result()
    view(explained(told), key="plan-shown")
